//! Data owned by a different user than the one running printlog: commands run as root, and folders created by root.

use std::{
    fs::{self, Permissions},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::Path,
    process::Command,
};

use crate::binary::{Binary, Said};

/// A user and a group that own nothing else on this machine.
const USER: u32 = 61_234;
const OTHER: u32 = 61_235;

/// The binary in a folder of that user. `None`, with a message, if the tests may not switch users.
fn folder_of_user() -> Option<Binary> {
    if !rustix::process::geteuid().is_root() {
        assert!(
            std::env::var_os("CI").is_none(),
            "the container of CI runs the tests as root"
        );
        eprintln!("not run: only root can become another user");
        return None;
    }
    let binary = Binary::new();
    let folder = binary.folder.path();
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    chown(folder, Some(USER), Some(USER)).unwrap();
    Some(binary)
}

fn as_user(binary: &Binary, arguments: &[&str], variables: &[(&str, &str)]) -> Said {
    let mut command = binary.command(arguments);
    command.envs(variables.iter().copied()).uid(USER).gid(USER);
    command.output().unwrap().into()
}

fn owners(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let metadata = path.symlink_metadata().unwrap();
        found.push((path.display().to_string(), metadata.uid()));
        if metadata.is_dir() {
            owners(&path, found);
        }
    }
}

#[track_caller]
fn all_belongs_to(binary: &Binary, user: u32) {
    let mut found = Vec::new();
    owners(binary.folder.path(), &mut found);
    found.retain(|(_, owner)| *owner != user);
    assert_eq!(found, [], "these do not belong to {user}");
}

#[test]
fn what_root_makes_belongs_to_the_owner_of_the_folder() {
    let Some(binary) = folder_of_user() else { return };
    let log = [("PRINTLOG_LOGGING__FILE", "logs/printlog.log")];
    assert_eq!(binary.run(&["keys", "create", "first"]).code, 0);
    all_belongs_to(&binary, USER);
    let server = binary.serve_with(&log);
    binary.json(&[
        "printers",
        "add",
        "Voron",
        "http://127.0.0.1:7125",
        "--inactive",
        "--json",
    ]);
    all_belongs_to(&binary, USER);
    server.end("-KILL");
    all_belongs_to(&binary, USER);
    let backup = binary.json(&["backup", "--json"]);
    binary.json(&["backup", "--folder", "else/where", "--json"]);
    binary.json(&["restore", backup["path"].as_str().unwrap(), "--json"]);
    all_belongs_to(&binary, USER);

    // The server can use all files.
    for arguments in [
        &["keys", "list"] as &[_],
        &["printers", "list"],
        &["backup"],
        &["restore", backup["path"].as_str().unwrap()],
        &["check"],
    ] {
        let said = as_user(&binary, arguments, &log);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.stdout, said.stderr);
    }
}

#[test]
fn root_that_may_give_nothing_away_can_work_and_says_who_cannot() {
    let Some(binary) = folder_of_user() else { return };
    let mut command = Command::new("setpriv");
    command
        .args([
            "--bounding-set=-chown",
            "--inh-caps=-chown",
            env!("CARGO_BIN_EXE_printlog"),
        ])
        .args(["keys", "create", "first"])
        .current_dir(binary.folder.path());
    let said: Said = command.output().unwrap().into();
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("sudo -u '#61234' printlog"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_restored_database_belongs_only_to_the_owner_of_the_replaced_one() {
    let Some(binary) = folder_of_user() else { return };
    assert_eq!(binary.run(&["keys", "create", "first"]).code, 0);
    let backup = binary.json(&["backup", "--json"]);
    let file = backup["path"].as_str().unwrap();
    // The backup may be readable by all users, or not writable.
    for mode in [0o644, 0o444, 0o400] {
        fs::set_permissions(binary.path(file), Permissions::from_mode(mode)).unwrap();
        chown(binary.path("data/printlog.db"), Some(OTHER), Some(OTHER)).unwrap();
        binary.json(&["restore", file, "--json"]);
        let restored = binary.path("data/printlog.db").metadata().unwrap();
        assert_eq!(
            (restored.uid(), restored.mode() & 0o777),
            (OTHER, 0o600),
            "{mode:o}"
        );
    }
}

/// Makes a path inaccessible, checks the server's error message, and runs the command that the message suggests.
#[track_caller]
fn is_refused_with_the_command_that_helps(spoil: impl Fn(&Binary), variables: &[(&str, &str)], path: &str) {
    let Some(binary) = folder_of_user() else { return };
    let made = as_user(&binary, &["keys", "create", "first"], &[]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    spoil(&binary);
    let port = [("PRINTLOG_API__PORT", "0"), ("PRINTLOG_API__HOST", "127.0.0.1")];
    let variables = [variables, &port].concat();
    let said = as_user(&binary, &["serve"], &variables);
    assert_eq!(said.code, 1, "{}", said.stderr);
    let line = said
        .stderr
        .lines()
        .find(|line| line.starts_with("printlog: "))
        .unwrap();
    for part in [path, &format!("user {USER}")] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    let command = line.rsplit('`').nth(1).expect("a command").replace("sudo ", "");
    let done = Command::new("sh")
        .args(["-c", &command])
        .current_dir(binary.folder.path())
        .status();
    assert!(done.unwrap().success(), "{command}");
    let said = as_user(&binary, &["keys", "create", "second"], &variables);
    assert_eq!(said.code, 0, "after {command}: {}", said.stderr);
    let said = as_user(&binary, &["backup"], &variables);
    assert_eq!(said.code, 0, "after {command}: {}", said.stderr);
}

fn give_to_root(binary: &Binary, name: &str, mode: u32) {
    chown(binary.path(name), Some(0), Some(0)).unwrap();
    fs::set_permissions(binary.path(name), Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_of_root_is_refused() {
    let spoil = |binary: &Binary| {
        give_to_root(binary, "data", 0o755);
    };
    is_refused_with_the_command_that_helps(spoil, &[], "data");
}

#[test]
fn a_database_that_can_only_be_read_is_refused() {
    for mode in [0o644, 0o600] {
        let spoil = |binary: &Binary| give_to_root(binary, "data/printlog.db", mode);
        is_refused_with_the_command_that_helps(spoil, &[], "data/printlog.db");
    }
    // The user owns the file but may not write it.
    let spoil = |binary: &Binary| {
        fs::set_permissions(binary.path("data/printlog.db"), Permissions::from_mode(0o444)).unwrap();
    };
    is_refused_with_the_command_that_helps(spoil, &[], "data/printlog.db");
}

#[test]
fn files_of_root_next_to_the_database_are_refused_all_at_once() {
    let spoil = |binary: &Binary| {
        for name in [
            "data/printlog.db-wal",
            "data/printlog.db-shm",
            "data/printlog.db.lock",
        ] {
            fs::write(binary.path(name), "").unwrap();
            give_to_root(binary, name, 0o644);
        }
    };
    is_refused_with_the_command_that_helps(spoil, &[], "data/printlog.db-wal");
}

#[test]
fn a_missing_folder_in_one_of_root_is_refused() {
    let spoil = |binary: &Binary| {
        fs::create_dir(binary.path("of root")).unwrap();
        give_to_root(binary, "of root", 0o755);
        fs::rename(binary.path("of root"), binary.path("ofroot")).unwrap();
    };
    let variables = [("PRINTLOG_DATABASE__PATH", "ofroot/new/printlog.db")];
    is_refused_with_the_command_that_helps(spoil, &variables, "ofroot/new");
    let variables = [("PRINTLOG_LOGGING__FILE", "ofroot/logs/printlog.log")];
    is_refused_with_the_command_that_helps(spoil, &variables, "ofroot/logs");
}

#[test]
fn a_secret_that_cannot_be_read_is_never_to_be_removed() {
    let Some(binary) = folder_of_user() else { return };
    let made = as_user(&binary, &["keys", "create", "first"], &[]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    for (owner, mode) in [(0, 0o600), (0, 0o000), (USER, 0o000)] {
        chown(binary.path("data/secret.key"), Some(owner), Some(owner)).unwrap();
        fs::set_permissions(binary.path("data/secret.key"), Permissions::from_mode(mode)).unwrap();
        let said = as_user(&binary, &["check"], &[]);
        assert_eq!(said.code, 3, "{}", said.stdout);
        assert!(said.stdout.contains("/data/secret.key"), "{}", said.stdout);
        assert!(said.stdout.contains("keep the file"), "{}", said.stdout);
        // The finding and its advice.
        let lines = said
            .stdout
            .lines()
            .skip_while(|line| !line.contains("secret.key"));
        let advice = lines.take(2).collect::<Vec<_>>().join("\n");
        for word in ["remove", "delete", "makes a new one"] {
            assert!(!advice.contains(word), "{word}: {advice}");
        }
    }
    chown(binary.path("data/secret.key"), Some(USER), Some(USER)).unwrap();
    fs::set_permissions(binary.path("data/secret.key"), Permissions::from_mode(0o644)).unwrap();
    let said = as_user(&binary, &["check"], &[]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(
        said.stdout.contains("note") && said.stdout.contains("chmod 600"),
        "{}",
        said.stdout
    );
}

#[test]
fn a_backup_that_lies_where_nothing_can_be_written_goes_into_a_server() {
    let Some(binary) = folder_of_user() else { return };
    let Ok(server) = std::env::var("PRINTLOG_TEST_MYSQL_URL") else {
        assert!(
            std::env::var_os("PRINTLOG_TEST_ALL_ENGINES").is_none(),
            "PRINTLOG_TEST_MYSQL_URL is not set; scripts/with-databases.sh sets it"
        );
        eprintln!("not run: PRINTLOG_TEST_MYSQL_URL is not set");
        return;
    };
    let made = as_user(&binary, &["keys", "create", "first"], &[]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let said = as_user(&binary, &["backup", "--folder", "archive"], &[]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let name = binary
        .path("archive")
        .read_dir()
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    give_to_root(&binary, "archive", 0o555);
    fs::set_permissions(&name, Permissions::from_mode(0o444)).unwrap();
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&format!("printlog_restored_{:016x}", rand::random::<u64>()));
    let variables = [("PRINTLOG_DATABASE__URL", url.as_str())];
    let said = as_user(&binary, &["restore", name.to_str().unwrap()], &variables);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(binary.path("archive").read_dir().unwrap().count(), 1);
    let listed = as_user(&binary, &["keys", "list"], &variables);
    assert!(
        listed.stdout.contains("first"),
        "{}{}",
        listed.stdout,
        listed.stderr
    );
    let left = binary.path("data/backups").read_dir().unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        left.iter().all(|name| !name.to_str().unwrap().contains(".part")),
        "{left:?}"
    );
}
