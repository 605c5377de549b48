//! A proxy between printlog and MySQL that cuts connections at a COMMIT and can be pointed at another server.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, AtomicU64, Ordering},
};

use simulator::Random;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The packet of a COMMIT: 7 bytes long, number 0, `COM_QUERY`, and the text.
const COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";

pub(super) struct SqlProxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// Port of the server. 0 refuses all connections.
    target: AtomicU16,
    random: Mutex<Random>,
    /// Number of COMMITs to cut per 1000.
    per_mille: AtomicU64,
    cuts: [AtomicU64; 3],
}

/// When the connection is cut, relative to the COMMIT.
#[derive(Clone, Copy)]
enum Cut {
    /// Before the COMMIT reaches the server.
    Before = 0,
    /// While the server executes the COMMIT.
    Meanwhile = 1,
    /// After the COMMIT, before its response reaches the client.
    After = 2,
}

impl SqlProxy {
    pub(super) async fn start(target: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            random: Mutex::new(Random::new(seed)),
            per_mille: AtomicU64::new(0),
            cuts: Default::default(),
        });
        let of_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&of_task);
                // Errors are ignored: connections are meant to break.
                tokio::spawn(async move { shared.forward(client).await.ok() });
            }
        });
        Self { port, shared, task }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Sends new connections to this port; existing ones stay.
    pub(super) fn lead_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::Relaxed);
    }

    /// Sets the probability that a COMMIT is cut.
    pub(super) fn cut_commits(&self, probability: f64) {
        let per_mille = (probability * 1000.0) as u64;
        self.shared.per_mille.store(per_mille, Ordering::Relaxed);
    }

    /// Number of COMMITs cut before, during and after their execution.
    pub(super) fn cuts(&self) -> [u64; 3] {
        self.shared
            .cuts
            .each_ref()
            .map(|cuts| cuts.load(Ordering::Relaxed))
    }
}

impl Drop for SqlProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    async fn forward(&self, mut client: TcpStream) -> std::io::Result<()> {
        let target = self.target.load(Ordering::Relaxed);
        let mut server = TcpStream::connect(("127.0.0.1", target)).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut said, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            tokio::select! {
                length = client.read(&mut said) => {
                    let said = &said[..length?];
                    if said.is_empty() {
                        return Ok(());
                    }
                    let cut = said.ends_with(COMMIT).then(|| self.cut()).flatten();
                    if let Some(Cut::Before) = cut {
                        return Ok(());
                    }
                    server.write_all(said).await?;
                    match cut {
                        Some(Cut::Before | Cut::Meanwhile) => return Ok(()),
                        // MySQL sends its response after the COMMIT is complete.
                        Some(Cut::After) => return server.read(&mut answered).await.map(drop),
                        None => {}
                    }
                }
                length = server.read(&mut answered) => {
                    let length = length?;
                    if length == 0 {
                        return Ok(());
                    }
                    client.write_all(&answered[..length]).await?;
                }
            }
        }
    }

    fn cut(&self) -> Option<Cut> {
        let mut random = self.random.lock().unwrap();
        let probability = self.per_mille.load(Ordering::Relaxed) as f64 / 1000.0;
        let cut = random
            .chance(probability)
            .then(|| *random.pick(&[Cut::Before, Cut::Meanwhile, Cut::After]))?;
        self.cuts[cut as usize].fetch_add(1, Ordering::Relaxed);
        Some(cut)
    }
}
