//! Three MySQL servers in Group Replication. The primary is killed or steps down while a fleet prints.
//!
//! Runs only with `PRINTLOG_TEST_CLUSTER`, which `make test-faults` sets.

use std::{sync::Arc, time::Duration};

use hyper::StatusCode;
use simulator::Random;
use tokio::time::sleep;

use super::{
    BusyFleet,
    own_mysql::{OwnMysql, ask, free_port, is_wanted, tables, tables_are_sound, try_ask, url},
    sql_proxy::SqlProxy,
};
use crate::capture::logger::{Logger, wait_for};

const GROUP: &str = "6f0e7a0a-1111-4222-8333-944455556666";
/// State of the queried node.
const STATE: &str =
    "SELECT member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid";
const ROLE: &str = "SELECT member_role FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid \
     AND member_state = 'ONLINE' AND NOT @@super_read_only";

struct Cluster {
    nodes: Vec<OwnMysql>,
}

impl Cluster {
    /// Starts a cluster with a single primary, the default of Group Replication.
    async fn start() -> Self {
        let members: Vec<String> = (0..3).map(|_| format!("127.0.0.1:{}", free_port())).collect();
        let starting = members.iter().enumerate().map(|(place, own)| {
            let flags = [
                format!("--server-id={}", place + 1),
                "--log-bin=binlog".to_owned(),
                "--performance-schema=ON".to_owned(),
                "--gtid-mode=ON".to_owned(),
                "--enforce-gtid-consistency=ON".to_owned(),
                "--report-host=127.0.0.1".to_owned(),
                "--plugin-load-add=group_replication.so".to_owned(),
                format!("--group-replication-group-name={GROUP}"),
                "--group-replication-start-on-boot=OFF".to_owned(),
                format!("--group-replication-local-address={own}"),
                format!("--group-replication-group-seeds={}", members.join(",")),
                "--group-replication-recovery-get-public-key=ON".to_owned(),
                "--group-replication-member-expel-timeout=0".to_owned(),
            ];
            tokio::task::spawn_blocking(|| OwnMysql::start_with(flags.into()))
        });
        let mut nodes = Vec::new();
        for node in starting.collect::<Vec<_>>() {
            nodes.push(node.await.unwrap());
        }
        ask(
            nodes[0].port(),
            "SET GLOBAL group_replication_bootstrap_group = ON",
        );
        let cluster = Self { nodes };
        for node in &cluster.nodes {
            join(node.port()).await;
            ask(node.port(), "SET GLOBAL group_replication_bootstrap_group = OFF");
        }
        cluster
    }

    fn ports(&self) -> Vec<u16> {
        self.nodes.iter().map(OwnMysql::port).collect()
    }

    fn node(&self, port: u16) -> &OwnMysql {
        self.nodes.iter().find(|node| node.port() == port).unwrap()
    }

    /// Waits until all nodes have the same rows.
    async fn nodes_agree(&self) {
        let sql = format!("CHECKSUM TABLE {}", tables(self.nodes[0].port()).join(", "));
        wait_for("the nodes to hold the same rows", async || {
            let sums: Vec<_> = self.ports().iter().map(|port| ask(*port, &sql)).collect();
            sums.windows(2).all(|two| two[0] == two[1]).then_some(())
        })
        .await;
    }
}

async fn join(port: u16) {
    ask(
        port,
        "CHANGE REPLICATION SOURCE TO SOURCE_USER = 'root', SOURCE_PASSWORD = '' \
         FOR CHANNEL 'group_replication_recovery'; START GROUP_REPLICATION",
    );
    wait_for("the node to be in the group", async || {
        (ask(port, STATE) == ["ONLINE"]).then_some(())
    })
    .await;
}

/// The node that accepts writes, if the group has one.
fn primary(ports: &[u16]) -> Option<u16> {
    let takes_writes = |port: &u16| try_ask(*port, ROLE).is_ok_and(|role| role == ["PRIMARY"]);
    ports.iter().copied().find(takes_writes)
}

/// Acts as a router: sends new connections to the node that accepts writes.
fn route(proxy: &Arc<SqlProxy>, ports: Vec<u16>) -> tokio::task::JoinHandle<()> {
    let proxy = Arc::clone(proxy);
    tokio::spawn(async move {
        loop {
            let ports = ports.clone();
            if let Some(port) = tokio::task::spawn_blocking(move || primary(&ports))
                .await
                .unwrap()
            {
                proxy.lead_to(port);
            }
            sleep(Duration::from_millis(300)).await;
        }
    })
}

async fn wait_for_writes(logger: &Logger) {
    let jobs = async || logger.try_get("/api/jobs?limit=1").await?["total"].as_u64();
    let before = wait_for("the number of jobs", &jobs).await;
    wait_for("printlog to be well and to write new jobs", async || {
        let (status, health) = logger.health().await?;
        let is_well = status == StatusCode::OK && health["status"] == "ok";
        (is_well && jobs().await? > before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn prints_while_a_cluster_changes_its_primary_are_all_there() {
    if std::env::var_os("PRINTLOG_TEST_CLUSTER").is_none() || !is_wanted() {
        eprintln!("not run: PRINTLOG_TEST_CLUSTER is not set");
        return;
    }
    let cluster = Cluster::start().await;
    let ports = cluster.ports();
    let proxy = Arc::new(SqlProxy::start(ports[0], 12_000).await);
    let routing = route(&proxy, ports.clone());
    let logger = Logger::start_with(&[("PRINTLOG_DATABASE__URL", &url(proxy.port()))]).await;
    let fleet = BusyFleet::start(&logger, 12_000).await;
    let mut random = Random::new(12_000);
    let (mut kills, mut steps_down) = (0, 0);
    for round in 0..6 {
        sleep(Duration::from_secs_f64(random.between(2.0..5.0))).await;
        let old = primary(&ports).unwrap();
        if round % 2 == 0 {
            kills += 1;
            cluster.node(old).kill();
            wait_for_writes(&logger).await;
            cluster.node(old).start_again();
            join(old).await;
        } else {
            // The old primary still responds but refuses every write; existing connections to it stay open.
            steps_down += 1;
            let next = ports.iter().find(|port| **port != old).unwrap();
            let next = ask(*next, "SELECT @@server_uuid").remove(0);
            ask(old, &format!("SELECT group_replication_set_as_primary('{next}')"));
            wait_for_writes(&logger).await;
        }
    }
    let prints = fleet.end(&logger).await;
    routing.abort();
    cluster.nodes_agree().await;
    for port in ports {
        tables_are_sound(port);
    }
    println!(
        "primary killed {kills} times and stepped down {steps_down} times, {prints} prints: each there once, totals \
         right, the same rows on three nodes, tables sound"
    );
}
