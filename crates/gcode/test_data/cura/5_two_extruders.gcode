;FLAVOR:Marlin
;TIME:1234
;Filament used: 1.20345m, 0.5m
;Layer height: 0.2
;MINX:1
;MINZ:0.3
;MAXX:2
;MAXZ:20.3
;TARGET_MACHINE.NAME:Voron 0
;Generated with Cura_SteamEngine 5.9.1
M140 S0
M104 S0
START_PRINT EXTRUDER_TEMP=210 BED_TEMP=60
;Filament type = PLA
M109 T1 S195
;LAYER_COUNT:100
;LAYER:0
G1 X1 E1
;TIME_ELAPSED:1233.9
M104 S0
;End of Gcode
;SETTING_3 {"global_quality": "[general]\\nversion = 4\\nname = Fine\\n\\n[values
;SETTING_3 ]\\nlayer_height = 0.2\\nsupport_enable = True\\nsupport_structure = 
;SETTING_3 tree\\nmagic_spiralize = False\\n\\n", "extruder_quality": ["[general]
;SETTING_3 \\nposition = 0\\n\\n[values]\\ninfill_pattern = gyroid\\ninfill_spars
;SETTING_3 e_density = 18\\nmaterial_print_temperature = 205\\nspeed_print = 80\\n
;SETTING_3 speed_wall = =speed_print / 2\\nwall_line_count = 3\\n\\n"]}
