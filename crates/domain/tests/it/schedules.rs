//! Random schedules of prints, disconnections and restarts: each print must become one row with correct values.

mod step;
mod world;

use proptest::prelude::*;
use step::{Disorder, Step};
use world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_print_becomes_one_correct_job(
        steps in prop::collection::vec(Step::any(), 1..40),
        disorder in prop::collection::vec(Disorder::any(), 0..20),
    ) {
        let mut world = World::new(disorder);
        for step in &steps {
            world.play(*step);
        }
        world.run_to_idle();
        world.assert_jobs_are_correct(&steps);
    }
}
