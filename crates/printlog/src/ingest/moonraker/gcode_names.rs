//! Normalises file names: some firmwares report a file's absolute path, others its path relative to the gcodes root.
//! Jobs store the relative path.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moonraker::{Client, Endpoint, FileError, RequestError, read_gcode_part};

/// Maximum number of path components that are tried.
const MAX_COMPONENTS: usize = 32;
/// Maximum number of absolute names and folders to remember.
const CAPACITY: usize = 256;
/// Time limit for looking for a file on the printer. Its task handles no other event meanwhile.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The names of a printer's files. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct GcodeNames(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Folders of G-code files, each as the components of its absolute path.
    folders: Vec<Vec<String>>,
    /// Names that only look absolute, mapped to the name without the leading slash.
    plain: HashMap<String, String>,
    /// Folders of files that the printer does not have under any suffix of their path.
    unknown: HashSet<String>,
}

impl GcodeNames {
    /// Requests the folder of G-code files from Moonraker.
    pub(crate) async fn read_folder(&self, client: &Client) -> Result<(), RequestError> {
        let folder = client.gcode_folder().await?;
        let mut known = self.known();
        // Each connection looks again for files that were not found.
        known.unknown.clear();
        if let Some(folder) = folder {
            known.add(parts(&folder));
        }
        Ok(())
    }

    /// Makes an absolute name relative to the gcodes root. A folder that Moonraker does not report, for example one
    /// behind a symbolic link, is learned from the first file in it, which is requested under each suffix of
    /// its path.
    pub(crate) async fn make_relative(&self, name: &mut Option<String>, endpoint: &Endpoint) {
        let Some(absolute) = name.as_ref().filter(|name| name.starts_with('/')).cloned() else {
            return;
        };
        let is_unknown = {
            let known = self.known();
            let relative = known.relative(&absolute);
            let is_unknown = relative.is_none() && !known.unknown.contains(folder_of(&absolute));
            *name = relative.or(Some(absolute.clone()));
            is_unknown
        };
        if is_unknown {
            // In a box, because names are made relative with each report, and looked up once.
            let lookup = Box::pin(self.look_up(&absolute, endpoint));
            if tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await.is_ok()
                && let Some(relative) = self.known().relative(&absolute)
            {
                *name = Some(relative);
            }
        }
    }

    /// Looks for the file under each suffix of its path, the longest first.
    async fn look_up(&self, absolute: &str, endpoint: &Endpoint) {
        let parts = parts(absolute);
        for folder in 0..parts.len().min(MAX_COMPONENTS) {
            let relative = parts[folder..].join("/");
            match read_gcode_part(endpoint, &relative, 0..1).await {
                Ok(_) if folder == 0 => {
                    let mut known = self.known();
                    if known.plain.len() < CAPACITY {
                        known.plain.insert(absolute.to_owned(), relative);
                    }
                    return;
                }
                Ok(_) => {
                    self.known().add(parts[..folder].to_vec());
                    return;
                }
                Err(FileError::NotFound { .. }) => {}
                // The check failed; the next connection tries again.
                Err(_) => break,
            }
        }
        let mut known = self.known();
        if known.unknown.len() < CAPACITY {
            known.unknown.insert(folder_of(absolute).to_owned());
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, folder: Vec<String>) {
        if !folder.is_empty() && !self.folders.contains(&folder) && self.folders.len() < CAPACITY {
            self.folders.push(folder);
            // If folders are nested, the inner one takes precedence.
            self.folders.sort_by_key(|folder| std::cmp::Reverse(folder.len()));
        }
    }

    fn relative(&self, absolute: &str) -> Option<String> {
        if let Some(plain) = self.plain.get(absolute) {
            return Some(plain.clone());
        }
        let parts = parts(absolute);
        self.folders.iter().find_map(|folder| {
            let rest = parts.strip_prefix(folder.as_slice())?;
            (!rest.is_empty()).then(|| rest.join("/"))
        })
    }
}

/// The components of an absolute path, without empty ones and with `.` and `..` resolved.
fn parts(path: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_innermost_folder() {
        let mut known = Known::default();
        known.add(parts("/usr/data/printer_data/gcodes/"));
        known.add(parts("/mnt"));
        known.add(parts("/mnt/UDISK"));
        known.add(parts("/"));
        for (absolute, expected) in [
            (
                "/usr/data/printer_data/gcodes/sub/clip.gcode",
                Some("sub/clip.gcode"),
            ),
            ("/usr/data//printer_data/./gcodes/clip.gcode", Some("clip.gcode")),
            (
                "/usr/data/printer_data/config/../gcodes/clip.gcode",
                Some("clip.gcode"),
            ),
            ("/usr/data/printer_data/gcodes", None),
            ("/usr/data/printer_data/gcodes2/clip.gcode", None),
            ("/mnt/UDISK/clip.gcode", Some("clip.gcode")),
            ("/mnt/UDISK2/clip.gcode", Some("UDISK2/clip.gcode")),
        ] {
            assert_eq!(known.relative(absolute).as_deref(), expected, "{absolute}");
        }
    }
}
