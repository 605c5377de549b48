//! `printlog keys`.

use anyhow::bail;
use jiff::{Span, Timestamp, tz::TimeZone};
use serde_json::json;
use store::{ApiKey, RevokedKey};

use crate::{
    api::{CreatedKeyBody, KeyBody, KeyList},
    cli::{
        Context, Exit, UsageError,
        arguments::{CreateKey, KeysCommand, Output, RevokeKey},
        output::{Table, instant, print_json, print_line},
    },
    input::{self, KEY_NAME},
};

pub(super) async fn run(context: &Context, command: KeysCommand) -> anyhow::Result<Exit> {
    match command {
        KeysCommand::Create(arguments) => create(context, arguments).await,
        KeysCommand::List(output) => list(context, output).await,
        KeysCommand::Revoke(arguments) => revoke(context, &arguments).await,
    }
}

async fn create(context: &Context, arguments: CreateKey) -> anyhow::Result<Exit> {
    let now = context.clock.now();
    let name =
        input::name(&arguments.name, KEY_NAME).map_err(|message| UsageError(format!("name: {message}")))?;
    let expires_at = match &arguments.expires {
        Some(text) => Some(end(text, now).map_err(UsageError)?),
        None => None,
    };
    let scope = arguments.scope.into();
    let key = CreatedKeyBody::from(context.store.create_key(&name, scope, expires_at, now).await?);
    if expires_at.is_some_and(|end| end <= now) {
        eprintln!("Warning: the time of --expires has already passed, so this key is not valid.");
    }
    if arguments.output.json {
        print_json(&key)?;
    } else {
        print_line(&key.key)?;
        eprintln!(
            "This is API key {}, {name}. It is shown only once; keep it.",
            key.record.id
        );
    }
    Ok(Exit::Done)
}

/// The instant at which a key expires, from a duration, a date or an instant.
fn end(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(instant) = input::instant(text) {
        return Ok(instant);
    }
    let unclear =
        || format!("--expires {text} is neither a duration such as 90d, nor a date such as 2027-01-31");
    let span: Span = text.parse().map_err(|_| unclear())?;
    // In UTC a day has 24 hours; months and years need a calendar.
    let end = now
        .to_zoned(TimeZone::UTC)
        .checked_add(span)
        .map_err(|_| unclear())?;
    Ok(end.timestamp())
}

async fn list(context: &Context, output: Output) -> anyhow::Result<Exit> {
    let keys = KeyList::read(&context.store).await?;
    if output.json {
        print_json(&keys)?;
        return Ok(Exit::Done);
    }
    let now = context.clock.now();
    let mut table = Table::new(["ID", "NAME", "KEY", "SCOPE", "STATE", "LAST USED", "EXPIRES"]);
    for key in &keys.items {
        table.row([
            key.id.to_string(),
            key.name.clone(),
            format!("{}…", key.key_prefix),
            key.scope.to_owned(),
            state(key, now).to_owned(),
            instant(key.last_used),
            instant(key.expires_at),
        ]);
    }
    table.print()?;
    Ok(Exit::Done)
}

fn state(key: &KeyBody, now: Timestamp) -> &'static str {
    match key.expires_at {
        _ if !key.is_active => "revoked",
        Some(end) if end <= now => "expired",
        _ => "works",
    }
}

async fn revoke(context: &Context, arguments: &RevokeKey) -> anyhow::Result<Exit> {
    let now = context.clock.now();
    let keys = context.store.keys().await?;
    let found: Vec<_> = keys.iter().filter(|key| is_meant(key, &arguments.key)).collect();
    let key = match found.as_slice() {
        [key] => *key,
        [] => bail!(
            "there is no API key `{}`; `printlog keys list` shows them",
            arguments.key
        ),
        several => bail!("`{}` matches {} keys; give the id", arguments.key, several.len()),
    };
    if context.store.revoke_key(key.id, false, now).await? == RevokedKey::NotFound {
        bail!("there is no API key `{}` any more", arguments.key);
    }
    if arguments.output.json {
        print_json(&json!({"id": key.id.0, "name": key.name, "revoked": true}))?;
    } else {
        print_line(&format!("Revoked API key {}, {}.", key.id.0, key.name))?;
    }
    if context.store.admin_key_count(now).await? == 0 {
        eprintln!(
            "There is no valid key with the scope `admin` any more. `printlog keys create NAME` creates one; so does the next start of the server."
        );
    }
    Ok(Exit::Done)
}

/// Whether `wanted` identifies the key: by its id, or by any length of its beginning.
fn is_meant(key: &ApiKey, wanted: &str) -> bool {
    let wanted = wanted.trim_end_matches('…');
    match wanted.parse::<i64>() {
        Ok(id) => key.id.0 == id,
        Err(_) => {
            wanted.len() > "3dp_".len()
                && (key.key_prefix.starts_with(wanted) || wanted.starts_with(&key.key_prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_end_after_a_time_or_at_an_instant() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("90d", "2026-05-01T12:00:00Z"),
            ("12h", "2026-02-01T00:00:00Z"),
            ("1y", "2027-01-31T12:00:00Z"),
            ("1mo", "2026-02-28T12:00:00Z"),
            ("P30D", "2026-03-02T12:00:00Z"),
            ("2027-01-31", "2027-01-31T00:00:00Z"),
            ("2027-01-31T08:00:00+02:00", "2027-01-31T06:00:00Z"),
        ] {
            assert_eq!(end(text, now).unwrap().to_string(), expected, "{text}");
        }
        for wrong in ["", "soon", "90", "99999y"] {
            assert!(end(wrong, now).is_err(), "{wrong}");
        }
    }
}
