//! Kernels in SPIR-V, where two of them can be compared without what no result depends on.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use naga::back::spv;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// SPIR-V of a kernel, `None` where it does not compile.
pub fn spirv(text: &str) -> Option<Vec<u32>> {
    let module = naga::front::wgsl::parse_str(text).ok()?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).ok()?;
    let options = spv::Options { flags: spv::WriterFlags::empty(), force_loop_bounding: false, ..Default::default() };
    let pipeline = spv::PipelineOptions { shader_stage: naga::ShaderStage::Compute, entry_point: "main".into() };
    spv::write_vec(&module, &info, &options, Some(&pipeline)).ok()
}

/// The instructions that are left of SPIR-V once it is optimised; `None` where the programs of spirv-tools are missing.
pub fn optimized(words: &[u32]) -> Result<Option<String>> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let Some(less) = piped("spirv-opt", &["-O", "--strip-debug", "-", "-o", "-"], &bytes)? else { return Ok(None) };
    let text = piped("spirv-dis", &["--raw-id", "--no-indent", "--no-header", "--no-color", "-"], &less)?;
    Ok(text.map(|text| canonical(&String::from_utf8_lossy(&text))))
}

/// What a program makes of its input, `None` where it is not installed.
fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = command.spawn() else { return Ok(None) };
    let sent = child.stdin.take().map(|mut pipe| pipe.write_all(input));
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
    sent.transpose()?;
    Ok(Some(output.stdout))
}

/// Instructions with numbers in the order in which functions name them, and what stands before the functions sorted:
/// constants come in the order in which they were first met, in code that is gone by now too.
fn canonical(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().position(|line| line.contains("OpFunction ")).unwrap_or(lines.len());
    let (before, functions) = lines.split_at(first);
    let mut numbers = HashMap::new();
    let functions: Vec<String> = functions.iter().map(|line| renumbered(line, &mut numbers)).collect();
    let mut before: Vec<String> = before.iter().map(|line| renumbered(line, &mut numbers)).collect();
    before.sort();
    [before, functions].concat().join("\n")
}

fn renumbered<'a>(line: &'a str, numbers: &mut HashMap<&'a str, usize>) -> String {
    let words = line.split(' ').map(|word| match word.strip_prefix('%') {
        Some(number) => {
            let next = numbers.len();
            format!("%{}", numbers.entry(number).or_insert(next))
        }
        None => word.to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(dead: &str, alive: &str) -> String {
        format!(
            "@group(0) @binding(0) var<storage, read_write> y: array<f32>;
            fn f() -> f32 {{ return {dead}; }}
            @compute @workgroup_size(1) fn main() {{ y[0] = {alive}; if (false) {{ y[1] = f(); }} }}"
        )
    }

    #[test]
    fn dead_code_makes_no_difference() {
        let of = |dead, alive| optimized(&spirv(&kernel(dead, alive)).unwrap()).unwrap();
        let Some(one) = of("1.0", "2.0") else { return println!("not run: spirv-tools are not installed") };
        assert_eq!(of("2.0", "2.0").unwrap(), one);
        assert_ne!(of("1.0", "1.0").unwrap(), one);
    }

    #[test]
    fn what_does_not_compile_is_none() {
        assert_eq!(spirv(&kernel("1.0", "true")), None);
    }
}
