//! What the examples share: the device that the command line names.

use wgrad::{Device, Error, Result};

/// The device of `--device NAME`; without it the best of this machine.
pub fn device() -> Result<Device> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let device = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Device::auto()?,
        ["--device", name] => Device::named(name)?,
        _ => {
            let (name, expected) = ("arguments".into(), "none, or --device auto|cpu|gpu|NAME".into());
            return Err(Error::Argument { name, expected, got: arguments.join(" ") });
        }
    };
    println!("device: {device}: {}", device.reason());
    Ok(device)
}
