//! Which module may import which: the rules of ARCHITECTURE.md, checked in the source of all crates.

#![expect(clippy::unwrap_used, reason = "a test may end by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::visit::{self, Visit};

/// The folders of a crate, the lowest layer first.
struct Layers {
    /// Folder of the source in `crates`.
    source: &'static str,
    /// Each folder with the folders that it may import. Modules in the root may import all, and no folder imports them.
    folders: &'static [(&'static str, &'static [&'static str])],
    /// Names in the root that every folder may import.
    shared: &'static [&'static str],
}

const LAYERS: &[Layers] = &[
    Layers {
        source: "store/src",
        folders: &[
            ("db", &[]),
            ("migrations", &["db"]),
            ("job_months", &["db"]),
            ("files", &["db"]),
            ("jobs", &["db", "job_months", "files"]),
            ("access", &["db"]),
            ("ops", &["db", "migrations"]),
        ],
        // Each folder adds its methods to `Store`, which the root opens and migrates.
        shared: &["Store", "Error", "Result"],
    },
    Layers {
        source: "printlog/src",
        folders: &[
            ("config", &[]),
            ("logging", &["config"]),
            ("input", &[]),
            ("serving", &[]),
            ("export", &[]),
            ("printers", &["input"]),
            ("ingest", &[]),
            ("details", &["ingest"]),
            (
                "api",
                &[
                    "config", "details", "export", "ingest", "input", "printers", "serving",
                ],
            ),
            (
                "server",
                &["api", "config", "details", "ingest", "logging", "serving"],
            ),
            (
                "cli",
                &[
                    "api", "config", "export", "input", "logging", "printers", "server",
                ],
            ),
        ],
        shared: &[
            "clock",
            "connection_trouble",
            "error_chain",
            "retry",
            "housekeeping",
        ],
    },
];

/// Crates that compute with plain values only.
const PURE: &[&str] = &["domain/src", "analytics/src", "gcode/src"];

/// Paths that a pure crate may not use.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "axum",
    "reqwest",
    "rusqlite",
    "sea_orm",
    "sqlx",
    "tokio",
    "tracing",
];

/// Functions that only some modules may use.
const RESERVED: &[Reserved] = &[Reserved {
    source: "store/src",
    // A change of a job that calls this alone would forget the totals and the search text.
    path: "job_months::refresh",
    importers: &["jobs::changes"],
}];

struct Reserved {
    source: &'static str,
    /// End of the path.
    path: &'static str,
    importers: &'static [&'static str],
}

#[test]
fn folders_import_lower_layers_only() {
    let mut wrong = Vec::new();
    for layers in LAYERS {
        let folders: BTreeSet<&str> = layers.folders.iter().map(|(folder, _)| *folder).collect();
        for file in files(layers.source) {
            let Some((folder, lower)) = layers
                .folders
                .iter()
                .find(|(folder, _)| file.module[0] == *folder)
            else {
                continue;
            };
            for path in file.paths.iter().filter(|path| path.starts_with("crate::")) {
                let name = path.split("::").nth(1).unwrap_or_default();
                let is_allowed = name == *folder || lower.contains(&name) || layers.shared.contains(&name);
                if !is_allowed {
                    let what = match folders.contains(name) {
                        true => "an upper layer",
                        false => "the root of the crate",
                    };
                    wrong.push(format!("{} imports {path} from {what}", file.path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_crates_do_no_io() {
    let mut wrong = Vec::new();
    for source in PURE {
        for file in files(source) {
            for path in &file.paths {
                let is_impure = |prefix: &&str| path == *prefix || path.starts_with(&format!("{prefix}::"));
                if IMPURE.iter().any(is_impure) {
                    wrong.push(format!("{} uses {path}", file.path.display()));
                }
            }
            if file.is_async {
                wrong.push(format!("{} has an async function", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn reserved_functions_have_no_other_callers() {
    let mut wrong = Vec::new();
    for reserved in RESERVED {
        for file in files(reserved.source) {
            let module = file.module.join("::");
            let is_importer = |name: &&str| module == *name || module.starts_with(&format!("{name}::"));
            let uses = |path: &&String| path.ends_with(reserved.path);
            if !reserved.importers.iter().any(is_importer)
                && let Some(path) = file.paths.iter().find(uses)
            {
                wrong.push(format!("{} imports {path}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A source file.
struct File {
    path: PathBuf,
    module: Vec<String>,
    /// All paths of `use` items, expressions and types, absolute if they begin in this crate.
    paths: BTreeSet<String>,
    is_async: bool,
}

fn files(source: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(source);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(parse(&root, path));
            }
        }
    }
    assert!(!found.is_empty(), "no source in {}", root.display());
    found
}

fn parse(root: &Path, path: PathBuf) -> File {
    let relative = path.strip_prefix(root).unwrap().with_extension("");
    let mut module: Vec<String> = relative
        .iter()
        .map(|part| part.to_str().unwrap().to_owned())
        .collect();
    if module
        .last()
        .is_some_and(|last| last == "mod" || last == "lib" || last == "main")
        && module.len() > 1
    {
        module.pop();
    }
    let text = fs::read_to_string(&path).unwrap();
    let syntax = syn::parse_file(&text).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    let mut visitor = Visitor {
        module: module.clone(),
        paths: BTreeSet::new(),
        is_async: false,
    };
    visitor.visit_file(&syntax);
    File {
        path,
        module,
        paths: visitor.paths,
        is_async: visitor.is_async,
    }
}

struct Visitor {
    /// The module of the visited item. A file in the root, `lib.rs` too, counts as a module of its own.
    module: Vec<String>,
    paths: BTreeSet<String>,
    is_async: bool,
}

impl Visitor {
    fn add(&mut self, path: &[String]) {
        let mut module = self.module.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate") => {
                self.paths.insert(path.join("::"));
                return;
            }
            Some("self") => rest = &path[1..],
            Some("super") => {
                while rest.first().is_some_and(|part| part == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            _ => {
                self.paths.insert(path.join("::"));
                return;
            }
        }
        let absolute = ["crate".to_owned()]
            .into_iter()
            .chain(module)
            .chain(rest.iter().cloned());
        self.paths.insert(absolute.collect::<Vec<_>>().join("::"));
    }

    fn add_tree(&mut self, prefix: &mut Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.add_tree(prefix, &path.tree);
                prefix.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_tree(prefix, tree);
                }
            }
            syn::UseTree::Name(name) => self.add_leaf(prefix, name.ident.to_string()),
            syn::UseTree::Rename(rename) => self.add_leaf(prefix, rename.ident.to_string()),
            syn::UseTree::Glob(_) => self.add(&prefix.clone()),
        }
    }

    fn add_leaf(&mut self, prefix: &[String], name: String) {
        let mut path = prefix.to_vec();
        if name != "self" || path.is_empty() {
            path.push(name);
        }
        self.add(&path);
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let parts: Vec<_> = path.segments.iter().map(|part| part.ident.to_string()).collect();
            self.add(&parts);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.is_async |= signature.asyncness.is_some();
        visit::visit_signature(self, signature);
    }

    /// Paths in the arguments of a macro, which are no syntax tree.
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let tokens = call.tokens.to_string().replace(" :: ", "::");
        for word in tokens.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let parts: Vec<_> = word.split("::").map(str::to_owned).collect();
            if ["crate", "super"].contains(&parts[0].as_str()) {
                self.add(&parts);
            }
        }
        visit::visit_macro(self, call);
    }
}
