use std::env;

use store::{Engine, Error, Location, Store};

use crate::{
    database::{server, with},
    on_every_engine,
};

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    with(Engine::Sqlite, |db| async move {
        let Location::Sqlite { path } = &db.location else {
            unreachable!()
        };
        crate::fixtures::add_printer(&db.store, "Voron").await;
        let folder = path.parent().unwrap();
        let modes: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777)
            .collect();
        assert_eq!(modes, [0o600; 3], "the database, its log and the index of that");
    })
    .await;
}

#[tokio::test]
async fn folder_that_cannot_be_made_is_named() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = file.join("printlog.db");
    let error = Store::open(&Location::Sqlite { path: path.clone() })
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Open { transient: false, .. }), "{error:?}");
    assert!(error.to_string().contains(&path.display().to_string()));
}

#[tokio::test]
async fn file_that_is_no_database_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "my notes, which nobody should touch\n".repeat(100);
    std::fs::write(&path, &text).unwrap();
    Store::open(&Location::Sqlite { path: path.clone() })
        .await
        .unwrap_err();
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

#[tokio::test]
async fn closing_leaves_the_database_and_its_secret() {
    let folder = tempfile::TempDir::new().unwrap();
    let location = Location::Sqlite {
        path: folder.path().join("printlog.db"),
    };
    let store = Store::open(&location).await.unwrap();
    crate::fixtures::add_printer(&store, "Voron").await;
    store.printers().await.unwrap();
    store.close().await.unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["printlog.db", "secret.key"]);
}

#[tokio::test]
async fn server_that_is_away_is_named_without_its_password() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let location = Location::mysql("127.0.0.1", port, "user", Some("hunter2"), "printlog");
    let error = Store::open(&location).await.unwrap_err();
    assert!(
        matches!(error, Error::Open { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        format!("cannot open the database mysql://127.0.0.1:{port}/printlog")
    );
    assert!(!format!("{error:?} {location:?} {location}").contains("hunter2"));
}

/// Logs in with a password that needs escaping, over each kind of connection, with an empty password cache on the
/// server.
async fn log_in(engine: Engine, queries: &[String]) {
    with(engine, |db| {
        let queries = queries.to_owned();
        async move {
            let Location::MySql { url } = &db.location else {
                unreachable!()
            };
            let name = format!("t{:x}", rand::random::<u32>());
            let password = "p@ss/w:rd?#[%20 ü";
            db.execute(&format!("CREATE USER '{name}'@'%' IDENTIFIED BY '{password}'"))
                .await;
            db.execute(&format!("GRANT ALL ON *.* TO '{name}'@'%'")).await;
            let database = url.path().trim_start_matches('/');
            for query in queries {
                db.execute("FLUSH PRIVILEGES").await;
                let port = url.port().unwrap();
                let Location::MySql { mut url } =
                    Location::mysql("127.0.0.1", port, &name, Some(password), database)
                else {
                    unreachable!()
                };
                url.set_query(Some(&query));
                let store = Store::open(&Location::MySql { url }).await.unwrap();
                store.ping().await.unwrap();
                store.close().await.unwrap();
            }
            let Location::MySql { url } =
                Location::mysql("127.0.0.1", url.port().unwrap(), &name, Some("wrong"), database)
            else {
                unreachable!()
            };
            let error = Store::open(&Location::MySql { url }).await.unwrap_err();
            assert!(matches!(error, Error::Open { transient: false, .. }), "{error:?}");
            db.execute(&format!("DROP USER '{name}'@'%'")).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_mysql_log_in_with_tls_and_without() {
    if server(Engine::MySql).is_none() {
        return;
    }
    let ca = env::var("PRINTLOG_TEST_MYSQL_CA").unwrap();
    let with_ca = format!("ssl-mode=VERIFY_CA&ssl-ca={ca}");
    log_in(
        Engine::MySql,
        &[
            "".into(),
            "ssl-mode=REQUIRED".into(),
            "ssl-mode=DISABLED".into(),
            with_ca,
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_mariadb_log_in() {
    log_in(Engine::MariaDb, &["".into(), "ssl-mode=DISABLED".into()]).await;
}

on_every_engine! {
    async fn a_database_that_is_missing_is_made(db) {
        let Location::MySql { url } = &db.location else { return };
        let name = url.path().trim_start_matches('/');
        db.execute(&format!("DROP DATABASE {name}")).await;
        let store = Store::open(&db.location).await.unwrap();
        crate::fixtures::add_printer(&store, "Vorön").await;
        assert_eq!(store.printers().await.unwrap().len(), 1);
        store.close().await.unwrap();
    }

    async fn an_error_says_what_it_has_to_say_once(db) {
        let Location::MySql { url } = &db.location else { return };
        let mut url = url.clone();
        url.set_password(Some("wrong")).unwrap();
        let error = Store::open(&Location::MySql { url }).await.unwrap_err();
        let mut words = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            words += &format!(": {cause}");
            source = cause.source();
        }
        assert_eq!(words.matches("Access denied").count(), 1, "{words}");
    }
}
