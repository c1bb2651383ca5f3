#![doc = include_str!("../docs/guide/models.md")]

#[cfg(doc)]
use crate::layers::Symbol;
#[cfg(doc)]
use crate::{graph, layers, losses, ops, prelude, train};

pub mod keras {
    #![doc = include_str!("../docs/guide/keras.md")]
}

pub mod files {
    #![doc = include_str!("../docs/guide/files.md")]
}
