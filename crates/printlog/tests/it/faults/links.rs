//! Links to printers are cut or slow, and notifications arrive late, twice and out of order.

use std::time::Duration;

use simulator::{Faults, Random};
use tokio::time::{Instant, sleep};

use super::BusyFleet;
use crate::capture::logger::Logger;

/// Number of printers, each with its own link.
const PRINTERS: usize = 8;

/// `PRINTLOG_TEST_LINKS` sets the number of link faults.
#[tokio::test]
async fn prints_over_links_that_are_cut_and_slow_are_there_once() {
    let troubles = std::env::var("PRINTLOG_TEST_LINKS").map_or(15, |number| number.parse().unwrap());
    let faults = Faults {
        late_history: 0.2,
        history_twice: 0.2,
        twice: 0.1,
        overtaken: 0.1,
    };
    let mut logger = Logger::start().await;
    let (fleet, links) = BusyFleet::start_at_links(&logger, 7000, PRINTERS, faults).await;
    let begun = Instant::now();
    let mut random = Random::new(7000);
    let (mut cut, mut slow) = (0, 0);
    for _ in 0..troubles {
        sleep(Duration::from_secs_f64(random.between(0.2..1.5))).await;
        // A few neighbouring printers at once, as behind one access point.
        let first = random.between(0.0..PRINTERS as f64) as usize;
        let some = &links[first..PRINTERS.min(first + 1 + random.between(0.0..3.0) as usize)];
        if random.chance(0.5) {
            cut += some.len();
            some.iter().for_each(testbed::Proxy::cut);
            sleep(Duration::from_secs_f64(random.between(0.0..4.0))).await;
        } else {
            // Frames in transit arrive late, all at once.
            slow += some.len();
            some.iter().for_each(testbed::Proxy::freeze);
            sleep(Duration::from_secs_f64(random.between(0.2..3.0))).await;
        }
        some.iter().for_each(testbed::Proxy::restore);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let prints = fleet.end(&logger).await;
    logger.database_is_sound().await;
    assert!(prints > troubles / 4, "only {prints} prints");
    println!(
        "{cut} links cut and {slow} slow in {seconds:.0} s, {prints} prints reported late, twice and out of order: each is there \
         once, totals right, database sound"
    );
}
