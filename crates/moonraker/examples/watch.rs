//! Connects to printers and counts their notifications, to measure the cost of many connections.
//!
//! Reads JSON lines with a `url` (as printed by the simulator) or plain addresses from standard input. The argument is
//! the duration in seconds.

use std::{
    io::BufRead,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use moonraker::{ConnectOptions, Endpoint, Notification, StatusMirror, Value, connect};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args()
        .nth(1)
        .map_or(Ok(10), |seconds| seconds.parse())?;
    let counted = Arc::new(AtomicU64::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let url = serde_json::from_str::<Value>(&line)
            .ok()
            .and_then(|line| line["url"].as_str().map(str::to_owned))
            .unwrap_or(line);
        let endpoint = Endpoint::parse(&url, None)?;
        let (client, mut notifications) = connect(&endpoint, &ConnectOptions::default()).await?;
        client.identify("watch", "1").await?;
        let mut mirror = StatusMirror::of(client.follow_print().await?.snapshot.status);
        let counted = Arc::clone(&counted);
        tasks.spawn(async move {
            while let Some(notification) = notifications.recv().await {
                counted.fetch_add(1, Ordering::Relaxed);
                if let Notification::StatusUpdate { delta, .. } = notification {
                    mirror.merge(delta);
                }
            }
            drop(client);
        });
    }
    let connected = counted.load(Ordering::Relaxed);
    println!("{} connections", tasks.len());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let notifications = counted.load(Ordering::Relaxed) - connected;
    println!(
        "{notifications} notifications in {seconds} s, {} connections left",
        tasks.len()
    );
    Ok(())
}
