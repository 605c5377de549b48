; sliced with love
; Layer Height: 0.2 mm is a wish
M104 S0
PRINT_START BED=110 EXTRUDER=235 CHAMBER=40
G1 X1 E1
