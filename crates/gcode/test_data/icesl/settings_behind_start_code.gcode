G21
M190 S55
M109 S210

; <IceSL Dec 20 2021 17:10:40>
; bed_temp_degree_c : 	55
; chamber_temp_degree_c : 	0
; extruder_temp_degree_c_0 : 	210
; filament_diameter_mm_0 : 	1.75
; gen_supports : 	False
; infill_percentage_0 : 	20
; infill_type_0 : 	Default
; nozzle_diameter_mm_0 : 	0.4
; perimeter_print_speed_mm_per_sec : 	35
; printer : 	Anycubic_Mega_Zero
; z_layer_height_first_layer_mm : 	0.3
; z_layer_height_mm : 	0.28
M106 S0
; <layer 0>
G1 Z0.280
