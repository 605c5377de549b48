//! Between printlog and MySQL: cuts connections in the moment of a COMMIT, and leads to whichever server it is told.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU16, AtomicU64, Ordering},
};

use simulator::Dice;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// The packet: 7 bytes long, number 0, `COM_QUERY`, and the text.
const COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";

pub(super) struct SqlProxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    /// Port of the server. 0: nobody answers.
    target: AtomicU16,
    dice: Mutex<Dice>,
    /// Of 1000 COMMITs so many are cut.
    per_mille: AtomicU64,
    cuts: [AtomicU64; 3],
}

/// How a COMMIT is cut.
#[derive(Clone, Copy)]
enum Cut {
    /// It never arrives.
    Before = 0,
    /// It arrives; the client is told that the connection is lost while the server is at it.
    Meanwhile = 1,
    /// It is done, and the answer is lost.
    After = 2,
}

impl SqlProxy {
    pub(super) async fn start(target: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            dice: Mutex::new(Dice::new(seed)),
            per_mille: AtomicU64::new(0),
            cuts: Default::default(),
        });
        let of_task = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&of_task);
                // A connection that breaks is what this is for.
                tokio::spawn(async move { shared.forward(client).await.ok() });
            }
        });
        Self { port, shared, task }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// New connections go there; those that are stay.
    pub(super) fn lead_to(&self, target: u16) {
        self.shared.target.store(target, Ordering::Relaxed);
    }

    /// How likely a COMMIT is cut from now on.
    pub(super) fn cut_commits(&self, probability: f64) {
        let per_mille = (probability * 1000.0) as u64;
        self.shared.per_mille.store(per_mille, Ordering::Relaxed);
    }

    /// COMMITs that were cut: before they arrived, while they were done, and before the answer.
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
                        // MySQL answers when it is done.
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
        let mut dice = self.dice.lock().unwrap();
        let probability = self.per_mille.load(Ordering::Relaxed) as f64 / 1000.0;
        let cut = dice
            .chance(probability)
            .then(|| *dice.pick(&[Cut::Before, Cut::Meanwhile, Cut::After]))?;
        self.cuts[cut as usize].fetch_add(1, Ordering::Relaxed);
        Some(cut)
    }
}
