; HEADER_BLOCK_START
; BambuStudio 02.04.00.70
; model printing time: 12m 32s; total estimated time: 19m 43s
; total layer number: 50
; total filament length [mm] : 74.87,90.87
; total filament volume [cm^3] : 180.08,218.58
; total filament weight [g] : 0.22,0.27
; filament_density: 1.24,1.24,1.24,1.24
; filament_diameter: 1.75,1.75,1.75,1.75
; max_z_height: 10.00
; filament: 2,4
; HEADER_BLOCK_END

; CONFIG_BLOCK_START
; curr_bed_type = Supertack Plate
; enable_support = 0
; filament_colour = #FFFFFF;#FFFF00;#FF0000;#0000FF
; filament_density = 1.24,1.24,1.24,1.24
; filament_diameter = 1.75,1.75,1.75,1.75
; filament_self_index = 1,1,2,2,3,3,4,4
; filament_type = PLA;PLA;PETG;PLA-CF
; filament_vendor = Generic;Generic;Generic;"Bambu Lab"
; initial_layer_print_height = 0.2
; layer_height = 0.2
; nozzle_diameter = 0.4,0.4
; nozzle_temperature = 220,221,230,231,240,241,250,251
; nozzle_temperature_initial_layer = 220,221,230,231,240,241,255,256
; outer_wall_speed = 60,60
; printer_model = Bambu Lab H2D
; sparse_infill_density = 15%
; sparse_infill_pattern = grid
; supertack_plate_temp = 41,42,43,44
; supertack_plate_temp_initial_layer = 45,46,47,48
; support_type = tree(auto)
; CONFIG_BLOCK_END
; EXECUTABLE_BLOCK_START
G28
G1 X1 E1
; EXECUTABLE_BLOCK_END
