//! The minimum work of any client: reads and discards what the printers send.

use std::io::BufRead as _;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// Connects to the ports listed on standard input and reads until the process is killed.
pub(crate) async fn read() -> anyhow::Result<()> {
    let ports: Vec<String> = std::io::stdin().lock().lines().collect::<Result<_, _>>()?;
    for port in ports {
        let mut socket = connect(port.parse()?).await?;
        // The same subscription as printlog's.
        let call = json!({
            "jsonrpc": "2.0", "id": 1, "method": "printer.objects.subscribe",
            "params": {"objects": {
                "webhooks": null, "print_stats": null,
                "virtual_sdcard": ["progress", "is_active", "file_position", "file_size"],
                "display_status": ["progress", "message"],
                "extruder": ["temperature", "target"], "heater_bed": ["temperature", "target"],
            }},
        });
        socket.send(Message::text(call.to_string())).await?;
        tokio::spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
    }
    std::future::pending().await
}

/// Opens a WebSocket to the printer at this port.
pub(crate) async fn connect(port: u16) -> anyhow::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let (socket, _) = tokio_tungstenite::connect_async(format!("ws://127.0.0.1:{port}/websocket")).await?;
    Ok(socket)
}
