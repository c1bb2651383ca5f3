//! A module uses only the modules above it in `lib.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The modules of `lib.rs`, from the top down, with their places.
fn modules(lib: &str) -> BTreeMap<String, usize> {
    let names = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    names.enumerate().map(|(place, name)| (name.to_string(), place)).collect()
}

/// The code of a file without its tests and comments.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that a file names: after `crate::`, also in braces.
fn named(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = vec![];
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split("};").next().unwrap_or_default();
                found.extend(list.split(',').map(|item| word(item.trim())));
            }
            None => found.push(word(rest)),
        }
    }
    found
}

fn check(module: &str, path: &Path, places: &BTreeMap<String, usize>, bad: &mut Vec<String>) -> usize {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return entries.map(|path| check(module, &path, places, bad)).sum();
    }
    let code = code(&fs::read_to_string(path).unwrap());
    for name in named(&code) {
        if places.get(&name).is_some_and(|place| *place > places[module]) {
            bad.push(format!("{} uses {name}, which stands below {module} in lib.rs", path.display()));
        }
    }
    // Names that lib.rs re-exports would go around the order.
    if module != "cli" && code.contains("use crate::{") {
        bad.push(format!("{} takes names from the crate's root", path.display()));
    }
    1
}

#[test]
fn a_module_uses_only_those_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let places = modules(&fs::read_to_string(source.join("lib.rs")).unwrap());
    let (mut bad, mut files) = (vec![], 0);
    for module in places.keys() {
        let [file, folder] = [source.join(format!("{module}.rs")), source.join(module)];
        files += check(module, if folder.is_dir() { &folder } else { &file }, &places, &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(files > 50, "{files} files");
}

#[test]
fn wgpu_is_named_in_runtime_alone_and_called_in_one_file() {
    fn walk(path: &Path, visit: &mut impl FnMut(&Path, &str)) {
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| walk(&entry.unwrap().path(), visit));
        } else {
            visit(path, &code(&fs::read_to_string(path).unwrap()));
        }
    }
    let mut bad = vec![];
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, code| {
        let inside = path.components().any(|c| c.as_os_str() == "runtime");
        if code.contains("wgpu::") && !inside {
            bad.push(format!("{} names wgpu", path.display()));
        }
        let api = inside && (path.ends_with("runtime/api.rs") || path.ends_with("runtime/tests.rs"));
        let calls =
            ["wgpu::Instance::new", ".create_buffer(", ".poll(wgpu", ".map_async(", ".create_compute_pipeline("];
        for call in calls {
            if !api && code.contains(call) {
                bad.push(format!("{} calls {call}", path.display()));
            }
        }
    });
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_test_sees_what_it_should() {
    let places = modules("pub mod a;\npub mod b;\n");
    assert_eq!(places["b"], 1);
    assert_eq!(named("use crate::b::X; let y = crate::{a::Y, b};"), ["b", "a", "b"]);
    assert_eq!(code("// crate::b\nx\n#[cfg(test)]\nmod tests { crate::b }"), "x");
}
