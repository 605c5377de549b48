//! The secret key that encrypts the API keys of printers at rest, and its file.
//!
//! XChaCha20-Poly1305 with a random nonce for each text. Copies of the database, such as backups, do not give access to
//! printers; a copy with the key file does.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use crate::db::file_system;

/// Prefix of an encrypted text. A text without it is from a version without encryption.
pub(crate) const MARK: &str = "sealed:1:";
/// Binds a text to its purpose: a text that was encrypted for another purpose is rejected.
const PURPOSE: &[u8] = b"printlog printers.moonraker_api_key";
const KEY: usize = 32;
const NONCE: usize = 24;

/// The secret key, or the reason why there is none.
pub(crate) struct Secret {
    cipher: Result<XChaCha20Poly1305, String>,
    /// The file is readable, but contains no secret key.
    is_damaged: bool,
    exposure: Option<String>,
}

impl Secret {
    /// Reads the secret key in `path`. Creates a missing file. Does not fail: without the key, only the API keys of
    /// printers are unavailable.
    pub(crate) fn open(path: Option<&Path>) -> Self {
        let Some(path) = path else {
            return Self {
                cipher: Err("no file for the secret was named".to_owned()),
                is_damaged: false,
                exposure: None,
            };
        };
        let key = read_or_make(path);
        let is_damaged = key
            .as_ref()
            .is_err_and(|cause| cause.kind() == io::ErrorKind::InvalidData);
        Self {
            cipher: key
                .map(|key| XChaCha20Poly1305::new(&key.into()))
                .map_err(|cause| format!("cannot use the secret in {}: {cause}", path.display())),
            is_damaged,
            exposure: exposure(path),
        }
    }

    /// Why nothing can be encrypted. `None` if the secret key was read.
    pub(crate) fn trouble(&self) -> Option<&str> {
        self.cipher.as_ref().err().map(String::as_str)
    }

    /// Whether the file contains something other than a secret key.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged
    }

    /// Which other users can access the file, and a command that changes this. `None` if there are none.
    pub(crate) fn exposure(&self) -> Option<&str> {
        self.exposure.as_deref()
    }

    /// Encrypts a text for storage.
    ///
    /// # Errors
    /// Why there is no secret key.
    pub(crate) fn seal(&self, text: &str) -> Result<String, String> {
        let cipher = self.cipher.as_ref().map_err(Clone::clone)?;
        let nonce: [u8; NONCE] = rand::random();
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload(text.as_bytes()))
            .map_err(|_| "the text is too long to be encrypted".to_owned())?;
        Ok(format!(
            "{MARK}{}",
            STANDARD.encode([&nonce[..], &sealed].concat())
        ))
    }

    /// Decrypts a stored text. `None` if it was encrypted with another key or is damaged.
    pub(crate) fn unseal(&self, stored: &str) -> Option<String> {
        let Some(sealed) = stored.strip_prefix(MARK) else {
            return Some(stored.to_owned());
        };
        let bytes = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let cipher = self.cipher.as_ref().ok()?;
        let text = cipher.decrypt(&XNonce::from(*nonce), payload(sealed)).ok()?;
        String::from_utf8(text).ok()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Secret").field(&self.trouble()).finish()
    }
}

fn exposure(path: &Path) -> Option<String> {
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        format!(
            "every account on this machine can access {path} (mode {mode:o}), which decrypts the API keys of printers; \
             `chmod 600 {path}` prevents this",
            path = path.display()
        )
    })
}

fn payload(msg: &[u8]) -> Payload<'_, '_> {
    Payload { msg, aad: PURPOSE }
}

fn read_or_make(path: &Path) -> io::Result<[u8; KEY]> {
    match fs::read_to_string(path) {
        Ok(text) => parse(&text),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            parse(&fs::read_to_string(path)?)
        }
        Err(cause) => Err(file_system::explained(path, cause)),
    }
}

/// Parses 64 hexadecimal digits.
fn parse(text: &str) -> io::Result<[u8; KEY]> {
    let wrong = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "it does not contain 64 hexadecimal digits",
        )
    };
    let key = HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes());
    key.ok().and_then(|key| key.try_into().ok()).ok_or_else(wrong)
}

/// Creates the file, readable by its owner only. It appears once it is complete. If two processes create it at the same
/// time, one wins.
fn make(path: &Path) -> io::Result<()> {
    let key: [u8; KEY] = rand::random();
    let text = HEXLOWER.encode(&key);
    let sibling = &file_system::with_suffix(path, &format!(".{:016x}", rand::random::<u64>()));
    file_system::create_private(sibling, None)?;
    let mut file = fs::OpenOptions::new().write(true).open(sibling)?;
    let made = writeln!(file, "{text}")
        .and_then(|()| file.sync_all())
        .and_then(|()| match fs::hard_link(sibling, path) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // Not every file system supports hard links.
            Err(_) => fs::rename(sibling, path),
            Ok(()) => Ok(()),
        })
        .and_then(|()| file_system::sync_folder(file_system::folder_of(path)));
    match fs::remove_file(sibling) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => made.and(Err(cause)),
        _ => made,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
        folder.path().join(name)
    }

    #[test]
    fn a_text_comes_back_only_with_its_own_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "deep/secret.key");
        let secret = Secret::open(Some(&path));
        assert_eq!(secret.trouble(), None);
        let sealed = secret.seal("k3y of a printer").unwrap();
        assert!(sealed.starts_with(MARK) && !sealed.contains("k3y"), "{sealed}");
        assert_ne!(secret.seal("k3y of a printer").unwrap(), sealed);
        let again = Secret::open(Some(&path));
        assert_eq!(again.unseal(&sealed).as_deref(), Some("k3y of a printer"));
        let other = Secret::open(Some(&file(&folder, "other.key")));
        assert_eq!(other.unseal(&sealed), None);
        for damaged in [
            MARK,
            "sealed:1:AAAA",
            "sealed:1:*",
            &sealed[..sealed.len() - 4],
            &sealed.replacen("sealed:1:", "sealed:1:AAAA", 1),
        ] {
            assert_eq!(secret.unseal(damaged), None, "{damaged}");
        }
        assert_eq!(secret.unseal("from before").as_deref(), Some("from before"));
    }

    #[test]
    fn the_file_is_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "secret.key");
        assert_eq!(Secret::open(Some(&path)).trouble(), None);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left next to it");
    }

    #[test]
    fn others_who_may_use_the_file_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "secret.key");
        assert_eq!(Secret::open(Some(&path)).exposure(), None);
        for (mode, is_exposed) in [
            (0o640, false),
            (0o644, true),
            (0o604, true),
            (0o602, true),
            (0o666, true),
            (0o400, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let secret = Secret::open(Some(&path));
            assert_eq!(secret.trouble(), None);
            assert_eq!(secret.exposure().is_some(), is_exposed, "{mode:o}");
        }
    }

    #[test]
    fn many_that_make_it_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(&folder, "secret.key");
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| Secret::open(Some(&path))))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        let sealed = secrets[0].seal("x").unwrap();
        for secret in &secrets {
            assert_eq!(secret.unseal(&sealed).as_deref(), Some("x"));
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_told_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [("empty", ""), ("short", "abcd"), ("words", &"zz".repeat(32))] {
            let path = file(&folder, name);
            fs::write(&path, content).unwrap();
            let secret = Secret::open(Some(&path));
            let trouble = secret.trouble().unwrap();
            assert!(secret.is_damaged());
            assert!(
                trouble.contains(name) && trouble.contains("64 hexadecimal"),
                "{trouble}"
            );
            assert_eq!(secret.seal("x").unwrap_err(), trouble);
            assert_eq!(secret.unseal("sealed:1:AAAA"), None);
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        let impossible = file(&folder, "empty/secret.key");
        assert!(
            Secret::open(Some(&impossible))
                .trouble()
                .unwrap()
                .contains("empty/secret.key")
        );
        assert!(Secret::open(None).trouble().is_some());
    }
}
