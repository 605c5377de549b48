; KISSlicer - FREE
; version 2 a 2.0.6 Linux64
; *** Printer Settings ***
; printer_name = sample printer
; nozzle_dia_1 = 0.4
; nozzle_dia_2 = 0.6
; material_name = sample material
; temperature_C = 250
; first_layer_C = 255
; bed_C = 80
; fiber_dia_mm = 3
; layer_thickness_mm = -33
; first_layer_thickness_mm = -50
; infill_density_denominator = 8
; layer_thickness_mm = 0.132
; first_layer_thickness_mm = 0.2
; support_style = 0
G28
; END_LAYER_OBJECT z=0.2
G1 X1 E1
; END_LAYER_OBJECT z=1.000
M104 S0
; Calculated-during-export Build Time: 1.83 minutes
; Estimated-in-GUI Build Time:         2.23 minutes
; Estimated-in-GUI Build Cost:         €0.07
;
;    Ext #1  =     0.50 mm  (0.004 cm^3)
;    Ext #2  =    12.10 mm  (0.085 cm^3)
