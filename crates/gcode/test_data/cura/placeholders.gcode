;FLAVOR:Marlin(Volumetric)
;TIME:6666
;Filament used: 0m
;Layer height: 0.1
;MINX:2.14748e+06
;MINZ:2.14748e+06
;MAXZ:-2.14748e+06
;Generated with Cura_SteamEngine master
M190 S50
M109 S205
;LAYER_COUNT:3
G1 X1 E1
;TIME_ELAPSED:20.5
G1 X1 E1
;TIME_ELAPSED:34.78033
M107
