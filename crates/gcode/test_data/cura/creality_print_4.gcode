; png begin 1*1 70 0 95 50
; iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==
; png end
;FLAVOR:Marlin
;TIME:280.815
;Filament used:0.273287m
;Layer height:0.2
;MINZ:0.2
;MAXZ:5
;Creality Print Version : V4.3.7.6619
;----------Machine Config--------------
;Machine Name:K1 Max
;Material Type:PLA
;ExtruderParams[0] Nozzle Diameter:1000
;----------Profile Config---------------
;Layer Height:0.2
;Inital Layer Height:250
;Wall Line Count:2
;Infill Pattern:grid
;Infill Sparse Density:15
;Print Temperature:220
;Bed Temperature:50
;Support Enable:false
;Vase Model:false
;Print Speed:250
M104 S220
M140 S50
G1 X1 E1
