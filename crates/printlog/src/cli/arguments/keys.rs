//! Arguments of `printlog keys`.

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::arguments::Output;

/// Commands for API keys.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeysCommand {
    /// Create an API key. It is shown only once: the database stores its hash
    #[command(after_help = "\
Examples:
  printlog keys create laptop
  printlog keys create grafana --scope read --expires 90d --json
  KEY=$(printlog keys create script --json | jq -r .key)")]
    Create(CreateKey),
    /// List the API keys
    List(Output),
    /// Revoke an API key; takes effect at once
    Revoke(RevokeKey),
}

/// A new API key.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateKey {
    /// Purpose of the key
    pub(in crate::cli) name: String,
    /// Scope: read for jobs and the state of printers, or admin for everything
    #[arg(long, value_enum, default_value_t = KeyScopeWord::Admin)]
    pub(in crate::cli) scope: KeyScopeWord,
    /// Expiry: a duration (90d, 12h, 1y), a date (2027-01-31, UTC) or an instant. Default: never
    #[arg(long, value_name = "WHEN")]
    pub(in crate::cli) expires: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}

/// Scope of an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum KeyScopeWord {
    /// Read everything except API keys
    Read,
    /// Everything
    Admin,
}

impl From<KeyScopeWord> for store::KeyScope {
    fn from(word: KeyScopeWord) -> Self {
        match word {
            KeyScopeWord::Read => Self::Read,
            KeyScopeWord::Admin => Self::Admin,
        }
    }
}

/// An API key to revoke.
#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeKey {
    /// Id of the key, or its first characters as shown by `keys list`
    pub(in crate::cli) key: String,
    #[command(flatten)]
    pub(in crate::cli) output: Output,
}
