//! One record through several lives: what each leaves in base and extension records for the next to meet.

use super::super::{Disk, Done, Form};
use super::{Story, Truth};

/// What a file does in its life, until it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Grows in many pieces: extension records, and a list that outgrows its record.
    Grow,
    /// The same, and is cut to a fifth: extension records are freed.
    Shrink,
    /// Has many streams, and loses half of them.
    Streams,
    /// Stays in its record, or has one run.
    Small,
    /// Was there before, and grows now: what was freed becomes its extension records.
    Extend,
}

impl Link {
    pub(crate) const ALL: [Self; 5] = [Self::Grow, Self::Shrink, Self::Streams, Self::Small, Self::Extend];
}

/// A file that takes the clusters in between, so that others lie in pieces.
const WEDGE: &str = "/wedge.bin";

impl<D: Disk> Story<'_, D> {
    /// Leads these lives one after the other; the last file stays where `stays`.
    pub(crate) fn tell_chain(mut self, links: &[Link], stays: bool) -> Truth {
        // A full volume ends a life early, which is a life, too.
        let _ = self.chain(links, stays);
        self.disk.rest();
        self.settle();
        self.truth
    }

    fn chain(&mut self, links: &[Link], stays: bool) -> Done {
        self.create(WEDGE, Form::Plain)?;
        let elders: Vec<String> = (0..links.len()).map(|number| format!("/elder-{number}.bin")).collect();
        for path in &elders {
            self.create(path, Form::Plain)?;
            self.add(path, "", self.plan.cluster)?;
        }
        let is_last = |index: usize| index + 1 == links.len();
        for (index, link) in links.iter().enumerate() {
            self.step = index as u32;
            let path = if *link == Link::Extend { elders[index].clone() } else { format!("/life-{index}.bin") };
            if *link != Link::Extend {
                self.create(&path, Form::Plain)?;
            }
            let done = self.live(*link, &path);
            if !(stays && is_last(index)) {
                self.remove(&path);
            }
            done?;
            if self.random.percent(30) {
                self.disk.rest();
            }
        }
        Ok(())
    }

    fn live(&mut self, link: Link, path: &str) -> Done {
        let cluster = self.plan.cluster;
        match link {
            Link::Grow | Link::Extend => self.grow_in_pieces(path),
            Link::Shrink => {
                self.grow_in_pieces(path)?;
                let size = self.size(path, "");
                self.set_size(path, "", size / 5)
            }
            Link::Streams => {
                let count = self.random.between(8, 24);
                for number in 0..count {
                    let size = self.random.between(100, 2 * cluster);
                    self.add(path, &format!("stream {number} of many"), size)?;
                }
                for number in (0..count).filter(|number| number % 2 == 1) {
                    let name = format!("stream {number} of many");
                    self.disk.remove_stream(path, &name);
                    self.life(path).streams.remove(&name);
                }
                Ok(())
            }
            Link::Small => {
                let size = self.random.between(1, 2 * cluster);
                self.add(path, "", size)
            }
        }
    }

    /// Pieces that lie apart, in two streams.
    fn grow_in_pieces(&mut self, path: &str) -> Done {
        let streams: &[&str] = if self.random.percent(50) { &["", "s1"] } else { &[""] };
        for _ in 0..self.random.between(40, 220) {
            for stream in streams {
                self.add(path, stream, self.plan.cluster)?;
            }
            self.add(WEDGE, "", self.plan.cluster)?;
        }
        Ok(())
    }

    fn add(&mut self, path: &str, stream: &str, length: u64) -> Done {
        let at = self.size(path, stream);
        let bytes = self.random.bytes(length as usize);
        self.write(path, stream, at, &bytes)
    }
}
