;Header Start

;FLAVOR:Marlin
;TIME:6666

;Filament used: 0m
;Layer height: 0.24

;header_type: 3dp
;machine: A350
;thumbnail: data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
;file_total_lines: 22
;estimated_time(s): 9602.18
;nozzle_temperature(°C): 205
;nozzle_0_diameter(mm): 0.4
;build_plate_temperature(°C): 70
;work_speed(mm/minute): 3000
;max_z(mm): 41.5
;matierial_weight: 12.5
;Header End

;Generated with Cura_SteamEngine master
G1 X1 E1
