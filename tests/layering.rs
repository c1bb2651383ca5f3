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

/// The word that a text begins with.
fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}

/// The first words of the paths that a text begins with: one, or those of a list in braces, which nest.
fn firsts(text: &str) -> Vec<String> {
    let Some(list) = text.strip_prefix('{') else { return vec![word(text).to_string()] };
    let (mut found, mut depth, mut begins) = (vec![], 1, true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' => begins |= depth == 1,
            c if begins && depth == 1 && !c.is_whitespace() => {
                found.push(word(&list[at..]).to_string());
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// What a file names of the crate's root: after `crate::`, and after as many `super::` as lead there from a module
/// `depth` below the root. An inline module counts as its file, so that too much is found, never too little.
fn named(code: &str, depth: usize) -> Vec<String> {
    let mut found: Vec<String> = code.split("crate::").skip(1).flat_map(firsts).collect();
    let (mut rest, mut supers) = (code, 0);
    while let Some(at) = rest.find("super::") {
        let follows = at == 0 && supers > 0;
        rest = &rest[at + "super::".len()..];
        supers = if follows { supers + 1 } else { 1 };
        if supers >= depth && !rest.starts_with("super::") {
            found.extend(firsts(rest));
        }
    }
    found
}

/// How far the module of a file is below the crate's root: 1 for `oracle.rs` and `ops/mod.rs`, 2 for `ops/adam.rs`.
fn depth(path: &Path) -> usize {
    path.components().count() - usize::from(path.ends_with("mod.rs"))
}

fn check(module: &str, path: &Path, source: &Path, places: &BTreeMap<String, usize>, bad: &mut Vec<String>) -> usize {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
        return entries.map(|path| check(module, &path, source, places, bad)).sum();
    }
    let code = code(&fs::read_to_string(path).unwrap());
    for name in named(&code, depth(path.strip_prefix(source).unwrap())) {
        match places.get(&name) {
            Some(place) if *place > places[module] => {
                bad.push(format!("{} uses {name}, which stands below {module} in lib.rs", path.display()));
            }
            // Names that lib.rs re-exports would go around the order. A macro is at the root wherever it is written.
            None if module != "cli" && !name.starts_with("__") => {
                bad.push(format!("{} takes `{name}` from the crate's root", path.display()));
            }
            _ => {}
        }
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
        let path = if folder.is_dir() { &folder } else { &file };
        files += check(module, path, &source, &places, &mut bad);
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(files > 50, "{files} files");
}

/// The types of wgpu that stand for something on a device or in a driver. The others are plain data.
const OBJECTS: &str = "Instance Adapter Device Queue Buffer BufferSlice BufferView BufferViewMut BindGroup \
                       BindGroupLayout PipelineLayout ShaderModule ComputePipeline PipelineCache CommandEncoder \
                       CommandBuffer ComputePass QuerySet Texture TextureView Sampler Surface";

/// The methods of those types, or how their names begin.
const METHODS: &str = "create_ request_ enumerate_ poll poll_all submit write_buffer write_buffer_ write_texture \
                       write_timestamp copy_buffer_ copy_texture_ clear_buffer clear_texture map_async get_mapped_ \
                       unmap destroy slice as_entire_ begin_compute_ begin_render_ begin_pipeline_ end_pipeline_ \
                       set_pipeline set_bind_group set_immediates set_device_lost_ dispatch_ insert_debug_ \
                       push_error_ push_debug_ pop_debug_ resolve_query_ transition_ finish on_ get_info adapter_info \
                       limits features get_downlevel_ get_bind_group_ get_compilation_ get_timestamp_ get_internal_ \
                       generate_ start_graphics_ stop_graphics_ as_hal";

/// The calls into wgpu in a file of `runtime` other than `api.rs`.
///
/// Such a file may hold objects of wgpu, and names their types; calls it leaves to `api`. Without types at hand the
/// test goes by names: a method whose name wgpu has too is called on `self`, which is never an object of wgpu, for
/// nobody can add methods to those, or on what `api` is called by; a function of a type of an object is not named,
/// nor is such a type imported, by which it would lose its `wgpu::`. Methods of `Vec` and its like that wgpu has too
/// (`len`, `size`) are left out: they call nothing.
fn calls(code: &str) -> Vec<String> {
    let mut found = vec![];
    for (at, _) in code.match_indices('.') {
        let name = word(&code[at + 1..]);
        let called = code[at + 1 + name.len()..].starts_with('(');
        let wgpu = METHODS.split_whitespace().any(|m| name == m || (m.ends_with('_') && name.starts_with(m)));
        let before = code[..at].trim_end();
        let receiver = before.strip_suffix("()").unwrap_or(before);
        let receiver = receiver.rsplit(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        if called && wgpu && receiver != "api" && !(receiver == "self" && before.ends_with("self")) {
            found.push(format!("{receiver}.{name}()"));
        }
    }
    for rest in code.split("wgpu::").skip(1) {
        let name = word(rest);
        if OBJECTS.split_whitespace().any(|object| object == name) && rest[name.len()..].starts_with("::") {
            found.push(format!("wgpu::{name}::{}", word(&rest[name.len() + 2..])));
        }
    }
    for rest in code.split("use wgpu").skip(1) {
        let names: Vec<String> = rest.strip_prefix("::").map(firsts).unwrap_or_default();
        if names.is_empty() || names.iter().any(|name| name.is_empty() || OBJECTS.split_whitespace().any(|o| o == name))
        {
            found.push(format!("use wgpu{}", rest.split(';').next().unwrap_or_default()));
        }
    }
    found
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
    let (mut bad, mut api) = (vec![], 0);
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, code| {
        if path.ends_with("runtime/api.rs") {
            api = calls(code).len();
        } else if !path.components().any(|c| c.as_os_str() == "runtime") {
            // Outside it there is nothing to call: what holds an object of wgpu is private to `runtime`.
            bad.extend((code.contains("wgpu::") || code.contains("use wgpu")).then(|| format!("{}", path.display())));
        } else if !path.ends_with("runtime/tests.rs") {
            bad.extend(calls(code).into_iter().map(|call| format!("{}: {call}", path.display())));
        }
    });
    assert!(bad.is_empty(), "wgpu is named or called in\n{}", bad.join("\n"));
    assert!(api > 20, "{api} calls are seen in the file that makes them");
}

#[test]
fn the_test_sees_what_it_should() {
    let places = modules("pub mod a;\npub mod b;\n");
    assert_eq!(places["b"], 1);
    assert_eq!(named("use crate::b::X; let y = crate::{a::Y, b};", 1), ["b", "a", "b"]);
    assert_eq!(named("use crate::{\n a::{X, c::{Y, Z}},\n b::{W},\n};", 1), ["a", "b"]);
    assert_eq!(named("use super::b::X; super::super::a; use super::{c, d};", 1), ["b", "a", "c", "d"]);
    assert_eq!(named("use super::b::X; super::super::a; use super::{c, d}; super::super::super::e", 2), ["a", "e"]);
    assert_eq!(["oracle.rs", "ops/mod.rs", "ops/adam.rs"].map(|path| depth(Path::new(path))), [1, 1, 2]);
    assert_eq!(code("// crate::b\nx\n#[cfg(test)]\nmod tests { crate::b }"), "x");
    let fine = "self.api().submit(a); gpu.api()\n.poll(); self.limits(); x.len(); raw: Raw<wgpu::Buffer>, \
                wgpu::Backend::Vulkan; use wgpu::BufferUsages as Use; self.0.api.unmap(b)";
    assert_eq!(calls(fine), [""; 0]);
    let bad = "adapter.raw.limits(); buffer.raw()\n    .unmap(); self.queue.submit(x); self().poll(); \
               wgpu::Instance::new(d); use wgpu::{Device, Limits}; use wgpu as w; use wgpu::*;";
    assert_eq!(calls(bad).len(), 8, "{:?}", calls(bad));
}
