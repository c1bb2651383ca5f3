//! Edits that change no result on these drivers: each with the reason, reviewed by hand, and not counted.

use crate::rules::{Edit, Mistake};

/// Edits of one kind on lines that hold a text.
pub struct Equivalent {
    /// The file, or how its path begins.
    pub file: &'static str,
    /// The kind.
    pub mistake: Mistake,
    /// A part of the line.
    pub line: &'static str,
    /// What the edit puts there; any for an empty text.
    pub new: &'static str,
    /// Why no result changes.
    pub reason: &'static str,
}

/// All of them.
pub const EQUIVALENT: &[Equivalent] = &[];

/// Why an edit of a file changes no result, if it is one of those.
pub fn equivalent(edit: &Edit, text: &str) -> Option<&'static str> {
    EQUIVALENT.iter().find(|known| known.is(edit, text)).map(|known| known.reason)
}

impl Equivalent {
    fn is(&self, edit: &Edit, text: &str) -> bool {
        edit.file.starts_with(self.file)
            && edit.mistake == self.mistake
            && edit.line(text).1.contains(self.line)
            && (self.new.is_empty() || edit.new == self.new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::files;
    use crate::rules::edits;

    #[test]
    fn every_entry_is_an_edit_that_can_be_made() {
        let files = files().unwrap();
        for known in EQUIVALENT {
            let mut all = files.iter().flat_map(|(file, text)| edits(file, text).into_iter().map(move |e| (e, text)));
            assert!(all.any(|(edit, text)| known.is(&edit, text)), "{}: {}", known.file, known.line);
        }
    }
}
