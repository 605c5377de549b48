//! Commands in the documentation work: `printlog` commands are run, `make` targets and script files must exist. Examples
//! (fence `sh example`) are only parsed. Blocks with commands of other programs must be marked as examples.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Parser as _, error::ErrorKind};
use simulator::{PrinterConfig, SimPrinter};

use crate::binary::Binary;

fn project() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Pages for users with their text.
fn pages() -> Vec<(String, String)> {
    let docs = project().join("docs");
    let mut files: Vec<_> = docs
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .chain(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| project().join(name)))
        .collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    files
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .collect()
}

/// A fenced shell block.
struct Block {
    is_example: bool,
    lines: Vec<String>,
}

/// The blocks with the fence `sh`, and the text outside all blocks.
fn blocks(page: &str) -> (Vec<Block>, String) {
    let (mut found, mut prose) = (Vec::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.trim_start().strip_prefix("```") else {
            prose.push_str(line);
            prose.push('\n');
            continue;
        };
        let inside: Vec<_> = lines
            .by_ref()
            .map(str::trim)
            .take_while(|line| *line != "```")
            .collect();
        let joined = inside.join("\n").replace("\\\n", " ");
        let words: Vec<_> = fence.split_whitespace().collect();
        assert!(
            !words
                .iter()
                .any(|word| ["bash", "shell", "console"].contains(word)),
            "a fence says {fence}; `sh` is what is looked at"
        );
        if words.first() == Some(&"sh") {
            found.push(Block {
                is_example: words[1..] == ["example"],
                lines: joined.lines().map(str::to_owned).collect(),
            });
        }
    }
    (found, prose)
}

/// The commands in a line, split into words. Handles quotes, comments and command separators.
fn commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(end), _) if letter == end => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(letter),
            (None, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(letter);
            }
            (None, '#') if word.is_none() => break,
            (None, '$') => word.get_or_insert_default().push(letter),
            (None, '|' | '&' | ';' | '(' | ')' | '{' | '}' | '<' | '>') => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, ' ') => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    commands
}

/// The part of a command that runs printlog, possibly as another user or in a container.
fn of_printlog(words: &[String]) -> Option<&[String]> {
    let plain: Vec<_> = words.iter().map(String::as_str).collect();
    let before = match plain[..] {
        ["printlog", ..] => 0,
        ["sudo", "-u", "printlog", "printlog", ..] | ["docker", "exec", _, "printlog", ..] => 3,
        ["docker", "compose", "exec", "printlog", "printlog", ..] => 4,
        _ => return None,
    };
    Some(&words[before..])
}

/// The problem with a command; `None` if it is correct or not one of the project's.
fn trouble(words: &[String], targets: &[&str]) -> Option<String> {
    if let Some(words) = of_printlog(words) {
        return match printlog::cli::Arguments::try_parse_from(words) {
            Ok(_) => None,
            Err(cause) if cause.kind() == ErrorKind::DisplayHelp => None,
            Err(cause) => Some(cause.to_string()),
        };
    }
    match words.first().map(String::as_str) {
        Some("make") => words[1..]
            .iter()
            .find(|target| !targets.contains(&target.as_str()))
            .map(|target| format!("the Makefile has no target {target}")),
        Some(script) if script.starts_with("scripts/") => match project().join(script).metadata() {
            Ok(file) if file.permissions().mode() & 0o111 != 0 => None,
            _ => Some("there is no such script".to_owned()),
        },
        _ => None,
    }
}

fn is_ours(words: &[String]) -> bool {
    of_printlog(words).is_some() || words[0] == "make" || words[0].starts_with("scripts/")
}

#[test]
fn commands_in_the_documentation_can_be_typed() {
    let makefile = fs::read_to_string(project().join("Makefile")).unwrap();
    let targets: Vec<_> = makefile
        .lines()
        .filter(|line| !line.starts_with(['\t', '.', '#']))
        .filter_map(|line| Some(line.split_once(':')?.0))
        .collect();
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (name, page) in pages() {
        let (blocks, prose) = blocks(&page);
        for block in blocks {
            for line in &block.lines {
                for words in commands(line) {
                    seen += usize::from(is_ours(&words));
                    if let Some(trouble) = trouble(&words, &targets) {
                        wrong.push(format!("{name}: {line}\n{trouble}"));
                    } else if !block.is_example && !is_ours(&words) {
                        wrong.push(format!(
                            "{name}: {line}\nnot ours; mark the block as `sh example`"
                        ));
                    }
                }
            }
        }
        // Inline commands may omit required arguments.
        for words in prose.split('`').skip(1).step_by(2).flat_map(commands) {
            if words[0] != "printlog" || words.len() == 1 {
                continue;
            }
            if let Err(cause) = printlog::cli::Arguments::try_parse_from(&words)
                && cause.kind() != ErrorKind::MissingRequiredArgument
                && cause.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            {
                wrong.push(format!("{name}: `{}`\n{cause}", words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(
        seen > 10,
        "{seen} commands were found; is the documentation read?"
    );
}

/// Runs the commands of each page from top to bottom, with test values instead of the placeholders.
#[tokio::test(flavor = "multi_thread")]
async fn commands_of_printlog_in_the_documentation_work() {
    let printer = SimPrinter::start(PrinterConfig::default(), 0).await.unwrap();
    let binary = Binary::new();
    let backup = binary.json(&["backup", "--json"]);
    // SQLite has no password: without a server, that part of the command is left out.
    let (database, has_password) = match std::env::var("PRINTLOG_TEST_MYSQL_URL") {
        Ok(server) => {
            let mut server: url::Url = server.parse().unwrap();
            fs::write(
                binary.path("mysql_password"),
                server.password().unwrap_or_default(),
            )
            .unwrap();
            server.set_password(None).unwrap();
            (format!("{server}documentation_{}", std::process::id()), true)
        }
        Err(_) => ("sqlite://moved/printlog.db".to_owned(), false),
    };
    let own = [
        ("http://voron.local:7125", printer.url()),
        (
            "data/backups/printlog-20260131T020304Z.db",
            backup["path"].as_str().unwrap().to_owned(),
        ),
        ("mysql://printlog@db/printlog", database),
    ];
    let mut run = 0;
    for (name, page) in pages() {
        let shown = blocks(&page).0.into_iter().filter(|block| !block.is_example);
        let lines = shown.flat_map(|block| block.lines);
        let commands: Vec<_> = lines.flat_map(|line| commands(&line)).collect();
        for words in commands.iter().filter(|words| words[0] == "printlog") {
            let words: Vec<_> = words[1..]
                .iter()
                .filter(|word| has_password || !word.contains("password"))
                .map(|word| match own.iter().find(|(theirs, _)| theirs == word) {
                    Some((_, ours)) => ours.as_str(),
                    None => word,
                })
                .collect();
            let said = binary.run(&words);
            assert_eq!(said.code, 0, "{name}: {words:?}: {}{}", said.stdout, said.stderr);
            run += 1;
        }
    }
    assert!(run > 6, "{run} commands were run; is the documentation read?");
}

#[test]
fn a_command_that_does_not_exist_is_noticed() {
    let wrong = |line| {
        commands(line)
            .iter()
            .any(|words| trouble(words, &["run"]).is_some())
    };
    for line in [
        "printlog prnters list",
        "KEY=$(printlog keys make x)",
        "sudo -u printlog printlog jobs list --limit many",
        "docker compose exec printlog printlog chek",
        "make run walk",
        "scripts/nothing.sh",
        "cat x | printlog import - --no-such-flag",
    ] {
        assert!(wrong(line), "{line}");
    }
    for line in [
        "make run     # printlog prnters",
        "printlog jobs list --q 'a b' >jobs",
        "scripts/demo.sh",
    ] {
        assert!(!wrong(line), "{line}");
    }
}
