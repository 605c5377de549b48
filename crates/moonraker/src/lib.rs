//! Client of one printer: JSON-RPC 2.0 with Moonraker over a WebSocket, and the types of that protocol.
//!
//! [`connect`] returns a [`Client`] for calls and [`Notifications`] for the printer's notifications. The connection is
//! closed when both are dropped. It does not reconnect; the caller does.
//!
//! Moonraker's versions differ and its fields come and go. All types therefore accept missing, null and unknown fields,
//! and numbers as text; an unknown value is `None` ([`lenient`]). An invalid frame is logged and skipped.

mod calls;
mod capability;
mod client;
mod connect;
mod endpoint;
mod error;
mod files;
mod frame;
mod history;
pub mod lenient;
mod link;
mod mirror;
mod notification;
mod probe;
mod skipped;
mod trust;

pub use calls::{PrinterInfo, ServerInfo, Snapshot};
pub use capability::{Capability, Limitation, Optional, PrintReading, optional};
pub use client::Client;
pub use connect::{ConnectError, ConnectOptions, connect};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Closed, RequestError};
pub use files::{FileError, FilePart, read_gcode_part};
pub use history::{HistoryJob, HistoryPage, HistoryQuery, Order, RowProblem};
pub use mirror::{DisplayStatus, Heater, LayerInfo, PrintStats, StatusMirror, VirtualSdcard, Webhooks};
pub use notification::{Notification, Notifications};
pub use probe::{ProbeError, ProbeReport, probe};
pub use serde_json::{Map, Value};
pub use trust::{TrustError, trust_ca_file};
