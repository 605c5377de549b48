;Sliced by ideaMaker 5.1.4.8480, 2025-01-01 10:00:00 UTC+0100
;Dimension: 305.000 305.000 305.000 0.400 0.600
;Filament Diameter #1: 2.850
;Filament Density #1: 1240.000
;Filament Type #1: PLA
;Filament Name #1: Some PLA
;Filament Diameter #2: 1.750
;Filament Density #2: 1270.000
;Printer Type: Raise3D Pro3
;Bounding Box: 1.0 2.0 3.0 4.0 0.000 9.320
M140 S60.00
M104 T0 S215.00
M109 T0 S215.00
;PRINTING_TIME: 0
;REMAINING_TIME: 744
;LAYER:-1
;Z:0.500
;HEIGHT:0.500
G1 X1 E1
;LAYER:0
;Z:0.900
;HEIGHT:0.300
G1 X1 E1
;LAYER:1
;Z:1.050
;HEIGHT:0.150
G1 X1 E1
;LAYER:2
;Z:1.200
G1 X1 E1
;Print Time: 744
;Material#1 Used: 422.7
;Material#2 Used: 0.0
;Material#1 Cost: 0.04
;Material#2 Cost: 0.00
