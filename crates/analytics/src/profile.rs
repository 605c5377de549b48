//! Fields that jobs are grouped by, other than their printer.

/// Slicer metadata that figures are grouped by. `None` means unknown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct MaterialProfile {
    /// `PLA`, `PETG`, …
    pub filament_type: Option<String>,
    /// Manufacturer.
    pub filament_brand: Option<String>,
    /// `#RRGGBB`, or a name.
    pub filament_color: Option<String>,
    /// Name of the slicer.
    pub slicer: Option<String>,
    /// Currency of the cost.
    pub currency: Option<String>,
}
