//! Names of states and outcomes in other firmware versions.

use domain::{Job, JobStatus, Source};
use serde_json::{Value, json};

use super::{
    Scene,
    frames::{history_change, row, stats},
};

/// Whether Moonraker's history reports the print, and whether the connection is lost during it.
#[derive(Debug, Clone, Copy)]
struct Circumstances {
    in_history: bool,
    cut: bool,
}

const CIRCUMSTANCES: [Circumstances; 4] = [
    Circumstances {
        in_history: false,
        cut: false,
    },
    Circumstances {
        in_history: true,
        cut: false,
    },
    Circumstances {
        in_history: false,
        cut: true,
    },
    Circumstances {
        in_history: true,
        cut: true,
    },
];

/// A print of 11.3 s, with `disturbance` between seconds 3 and 7. The normal state returns at second 7.
fn print_with(disturbance: &str, circumstances: Circumstances) -> String {
    let mut script = stats(
        0.5,
        &json!({ "state": "printing", "filename": "bracket.gcode", "total_duration": 0.3,
            "print_duration": 0.0, "filament_used": 0.0 }),
    );
    if circumstances.in_history {
        let started = row("000001", "bracket.gcode", "in_progress", 0.5, None, 0.2);
        script += &history_change(0.55, "added", &started);
    }
    script += &stats(3.0, &json!({ "total_duration": 2.8, "print_duration": 2.0 }));
    script += disturbance;
    script += &stats(
        7.0,
        &json!({ "state": "printing", "filename": "bracket.gcode", "total_duration": 6.8,
            "print_duration": 5.0, "filament_used": 55.0 }),
    );
    if circumstances.cut {
        script += "{\"at\": 8, \"drop\": true}\n";
    }
    script += &stats(
        11.0,
        &json!({ "total_duration": 10.8, "print_duration": 9.0, "filament_used": 81.5 }),
    );
    script += &stats(11.5, &json!({ "state": "complete", "total_duration": 11.3 }));
    if circumstances.in_history {
        let ended = row("000001", "bracket.gcode", "completed", 0.5, Some(11.5), 11.3);
        script += &history_change(11.55, "finished", &ended);
    }
    script
}

fn is_the_print(jobs: &[Job], circumstances: Circumstances, what: &str) {
    assert_eq!(jobs.len(), 1, "{what}, {circumstances:?}: {jobs:#?}");
    let job = &jobs[0];
    let context = || format!("{what}, {circumstances:?}: {job:#?}");
    assert_eq!(job.status, JobStatus::Completed, "{}", context());
    assert_eq!(job.filename.as_deref(), Some("bracket.gcode"), "{}", context());
    assert_eq!(job.figures.total_duration, Some(11.3), "{}", context());
    assert_eq!(job.job_id.is_some(), circumstances.in_history, "{}", context());
}

/// Plays the print with the disturbance in all circumstances, each on a separate printer.
async fn disturb(scene: Scene, disturbances: &[(&str, String)]) {
    let mut printers = Vec::new();
    for (what, disturbance) in disturbances {
        for circumstances in CIRCUMSTANCES {
            let printer = scene.play(&print_with(disturbance, circumstances)).await;
            printers.push((printer, circumstances, *what));
        }
    }
    let rows = scene.end_all(printers.iter().map(|(printer, ..)| printer)).await;
    for (rows, (_, circumstances, what)) in rows.iter().zip(&printers) {
        is_the_print(rows, *circumstances, what);
    }
}

#[tokio::test]
async fn an_unknown_word_for_a_state_neither_starts_nor_ends_a_print() {
    let words = ["preheating", "pausing", "resuming", "Printing", "", "5\nERROR"];
    let mut disturbances: Vec<_> = words
        .iter()
        .map(|word| {
            let odd = stats(3.5, &json!({ "state": word, "total_duration": 3.3 }))
                + &stats(6.5, &json!({ "total_duration": 6.3 }));
            (*word, odd)
        })
        .collect();
    for (what, value) in [("null", json!(null)), ("a number", json!(7))] {
        disturbances.push((
            what,
            stats(3.5, &json!({ "state": value, "total_duration": 3.3 })),
        ));
    }
    // The connection is lost while this state is reported.
    let cut = disturbances[0].1.clone() + "{\"at\": 6.6, \"drop\": true}\n";
    disturbances.push(("preheating and a cut", cut));
    disturb(Scene::set().await, &disturbances).await;
}

#[tokio::test]
async fn an_unknown_word_is_logged_once_a_printer() {
    let scene = Scene::set().await;
    let mut script = String::new();
    for (index, state) in ["preheating", "printing", "preheating", "resuming", "preheating"]
        .iter()
        .enumerate()
    {
        script += &stats(index as f64, &json!({ "state": state }));
    }
    scene.play(&script).await;
    scene.play(&script).await;
    assert_eq!(scene.warnings("unknown print state \"preheating\""), 2);
    assert_eq!(scene.warnings("unknown print state \"resuming\""), 2);
}

#[tokio::test]
async fn counters_and_names_that_are_not_told_for_a_moment_change_nothing() {
    let odd = |fields: Value| {
        stats(4.0, &fields)
            + &stats(5.0, &json!({ "print_duration": 4.0 }))
            + &stats(6.0, &json!({ "message": "" }))
    };
    let disturbances = [
        ("total null", odd(json!({ "total_duration": null }))),
        (
            "all null",
            odd(json!({ "total_duration": null, "print_duration": null, "filament_used": null })),
        ),
        (
            "garbage",
            odd(json!({ "total_duration": "soon", "print_duration": [] })),
        ),
        ("name null", odd(json!({ "filename": null }))),
        ("name empty", odd(json!({ "filename": "" }))),
        (
            "name and counter null",
            odd(json!({ "filename": null, "total_duration": null })),
        ),
        (
            "all null and a cut",
            odd(json!({ "filename": null, "total_duration": null, "state": null }))
                + "{\"at\": 6.6, \"drop\": true}\n",
        ),
    ];
    disturb(Scene::set().await, &disturbances).await;
}

/// Plays a print of 3.8 s that ends with unusual names: `word` in `print_stats`, followed by standby, and `history`
/// in the history. With `away`, it ends while the link is down.
async fn end_is(word: &str, history: Option<&str>, away: bool, expected: (JobStatus, Source)) {
    let mut script = stats(
        0.5,
        &json!({ "state": "printing", "filename": "bracket.gcode", "total_duration": 0.3 }),
    );
    if history.is_some() {
        let started = row("000001", "bracket.gcode", "in_progress", 0.5, None, 0.2);
        script += &history_change(0.55, "added", &started);
    }
    script += &stats(
        3.5,
        &json!({ "total_duration": 3.3, "print_duration": 2.8, "filament_used": 81.5 }),
    );
    if away {
        script += "{\"at\": 3.6, \"link\": \"down\"}\n";
    }
    script += &stats(4.0, &json!({ "state": word, "total_duration": 3.8 }));
    let ended = history.map(|history| row("000001", "bracket.gcode", history, 0.5, Some(4.6), 3.8));
    if away {
        if let Some(ended) = &ended {
            script += &history_change(4.6, "finished", ended);
        }
        script += "{\"at\": 60, \"link\": \"up\"}\n";
        script += "{\"at\": 70, \"drop\": true}\n";
    } else {
        let standby = json!({ "state": "standby", "filename": "", "total_duration": 0.0,
            "print_duration": 0.0, "filament_used": 0.0 });
        script += &stats(4.5, &standby);
        if let Some(ended) = &ended {
            script += &history_change(4.6, "finished", ended);
        }
        // The history is read again after every connection.
        script += "{\"at\": 10, \"drop\": true}\n";
    }
    let scene = Scene::set().await;
    let printer = scene.play(&script).await;
    let [jobs] = scene.end([&printer]).await;
    assert_eq!(jobs.len(), 1, "{word}, {history:?}: {jobs:#?}");
    let job = &jobs[0];
    let seen = (job.status, job.end_source.unwrap());
    assert_eq!(seen, expected, "{word}, {history:?}, away: {away}: {job:#?}");
    assert_eq!(job.figures.total_duration, Some(3.8), "{job:#?}");
}

#[tokio::test]
async fn an_end_in_another_word_is_the_end() {
    use {JobStatus::*, Source::*};
    end_is("completed", None, false, (Completed, PrintStats)).await;
    end_is("Finished", None, true, (Completed, PrintStats)).await;
    end_is("failed", None, false, (Error, PrintStats)).await;
    end_is("canceled", None, false, (Cancelled, PrintStats)).await;
    end_is("completed", Some("complete"), false, (Completed, History)).await;
}

#[tokio::test]
async fn an_end_that_was_observed_stays_where_the_history_contradicts_it() {
    use {JobStatus::*, Source::*};
    for away in [false, true] {
        end_is("completed", Some("cancelled"), away, (Completed, PrintStats)).await;
        end_is("Error", Some("cancelled"), away, (Error, PrintStats)).await;
    }
    end_is("complete", Some("power_loss"), false, (Completed, PrintStats)).await;
    // The history decides the outcome if no observation contradicts it.
    end_is("cancelled", Some("completed"), true, (Completed, History)).await;
}

#[tokio::test]
async fn outcomes_in_rows_of_the_history_are_read_in_any_spelling() {
    use JobStatus::{Cancelled, Completed, Error, Interrupted};
    let outcomes = [
        ("complete", Completed),
        ("Completed", Completed),
        ("COMPLETED", Completed),
        ("finished", Completed),
        ("success", Completed),
        ("canceled", Cancelled),
        ("Cancelled", Cancelled),
        ("failed", Error),
        ("klippy_shutdown", Error),
        ("klippy_disconnect", Interrupted),
        ("power_loss", Interrupted),
        ("", Interrupted),
    ];
    let rows: Vec<_> = outcomes
        .iter()
        .enumerate()
        .map(|(index, (word, _))| {
            let start = index as f64 * 500.0 - 9000.0;
            row(
                &format!("{:06}", index + 1),
                "w.gcode",
                word,
                start,
                Some(start + 400.0),
                400.0,
            )
        })
        .collect();
    let scene = Scene::set().await;
    let printer = scene.play(&history_change(-1.0, "list", &json!(rows))).await;
    scene
        .wait_for_jobs(&printer, |jobs| jobs.len() == outcomes.len())
        .await;
    let [jobs] = scene.end([&printer]).await;
    let seen: Vec<_> = jobs
        .iter()
        .map(|job| (job.cause.as_ref().unwrap().as_str(), job.status))
        .collect();
    assert_eq!(seen, outcomes);
}
