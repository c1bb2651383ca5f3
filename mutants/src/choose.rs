//! The choice of edits by a seed: one of each file at least, and of each kind about as many.

use std::collections::BTreeMap;

use anyhow::Result;
use wgrad::random::permutation;

use crate::rules::{Edit, Mistake, edits};

/// Chooses at least `count` edits, in the order of the choice, and at least one of each file. `wanted` looks at an edit
/// and says whether it shall be one.
pub fn choose(
    files: &[(String, String)],
    seed: u64,
    count: usize,
    mut wanted: impl FnMut(&Edit, &str) -> Result<bool>,
) -> Result<Vec<Edit>> {
    let all: Vec<(usize, Edit)> = (0..files.len())
        .flat_map(|file| edits(&files[file].0, &files[file].1).into_iter().map(move |edit| (file, edit)))
        .collect();
    let order = permutation(all.len() as u32, seed, 0);
    let mut left: Vec<(usize, Edit)> = order.into_iter().map(|place| all[place as usize].clone()).collect();
    let mut chosen: Vec<Edit> = vec![];
    let mut kinds: BTreeMap<Mistake, usize> = Mistake::ALL.map(|mistake| (mistake, 0)).into();
    let mut take = |left: &mut Vec<(usize, Edit)>, only: Option<usize>| -> Result<bool> {
        // The rarest kind so far, and of that the first in the order.
        while let Some(place) = (0..left.len())
            .filter(|&place| only.is_none_or(|file| left[place].0 == file))
            .min_by_key(|&place| kinds[&left[place].1.mistake])
        {
            let (file, edit) = left.remove(place);
            if wanted(&edit, &files[file].1)? {
                *kinds.entry(edit.mistake).or_default() += 1;
                chosen.push(edit);
                return Ok(true);
            }
        }
        Ok(false)
    };
    let mut made = 0;
    for file in 0..files.len() {
        made += usize::from(take(&mut left, Some(file))?);
    }
    while made < count && take(&mut left, None)? {
        made += 1;
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<(String, String)> {
        let compares = "if (a < b) { c[i] = d < e; }\n".repeat(30);
        [("a.wgsl", "return x;"), ("b.wgsl", compares.as_str()), ("c.wgsl", "a + b; // <")]
            .map(|(file, text)| (file.to_string(), text.to_string()))
            .into()
    }

    #[test]
    fn every_file_has_an_edit_and_kinds_are_balanced() {
        let chosen = choose(&files(), 7, 20, |_, _| Ok(true)).unwrap();
        assert_eq!(chosen.len(), 20);
        for file in ["a.wgsl", "b.wgsl", "c.wgsl"] {
            assert!(chosen.iter().any(|edit| edit.file == file), "{file}");
        }
        let of = |mistake| chosen.iter().filter(|edit| edit.mistake == mistake).count();
        assert!([Mistake::Guard, Mistake::Index, Mistake::Compare].iter().all(|&m| (5..=7).contains(&of(m))));
    }

    #[test]
    fn the_seed_decides_and_nothing_is_taken_twice() {
        let chosen = |seed| choose(&files(), seed, 60, |_, _| Ok(true)).unwrap();
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
        let one = chosen(1);
        assert!(one.iter().enumerate().all(|(i, edit)| !one[..i].contains(edit)));
    }

    #[test]
    fn what_is_not_wanted_is_replaced() {
        let chosen = choose(&files(), 1, 20, |edit, _| Ok(edit.mistake != Mistake::Guard)).unwrap();
        assert!(chosen.len() == 20 && chosen.iter().all(|edit| edit.mistake != Mistake::Guard));
    }
}
