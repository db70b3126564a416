//! What the content of a stream says of itself.
//!
//! Metadata cannot say whether the clusters of a deleted file were written over since. The content often can: formats
//! carry checksums, lengths and structure. A [`Judge`] sees the bytes of a stream as they are copied, in order and
//! once, and says in the end what they prove. It never fails: what it does not know is [`ContentState::Unknown`].

mod archives;
mod budget;
mod clusters;
mod detect;
mod documents;
mod inflate;
mod media;
mod novelty;
mod pictures;
mod system;
mod tape;
mod text;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use clusters::Clusters;
use detect::{Format, Head};
use tape::{Fault, Stop, Tape};

/// How far content can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentState {
    /// Checksums inside hold over all bytes.
    Verified,
    /// The structure holds to the end; nothing proves every byte.
    Plausible,
    /// Nothing is known of the format, or it could not be judged.
    Unknown,
    /// Bytes are there that cannot be.
    Contradicted,
}

impl ContentState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Verified, Self::Plausible, Self::Unknown, Self::Contradicted];

    /// A word that stays the same between versions.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Plausible => "plausible",
            Self::Unknown => "unknown",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What content says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The format's short name, where it is known.
    pub format: Option<&'static str>,
    /// How far it can be believed.
    pub state: ContentState,
    /// Of contradicted content: the offset up to which it fits, at a cluster's start.
    pub good_until: Option<u64>,
    /// What proves it, or speaks against it: one sentence.
    pub evidence: String,
    /// The name says another format than the content.
    pub differs_from_name: bool,
}

/// What a walker that came to its end has proved.
enum Proof {
    Verified(&'static str),
    Plausible(&'static str),
}

type Walking = Pin<Box<dyn Future<Output = Result<Proof, Stop>>>>;

/// What a walker is given.
#[derive(Clone)]
struct Walk {
    tape: Tape,
    /// The stream's length in bytes.
    size: u64,
}

/// Sees the bytes of one stream. Stays in the thread that feeds it.
pub struct Judge {
    tape: Tape,
    size: u64,
    extension: String,
    head: Vec<u8>,
    clusters: Clusters,
    format: Option<&'static Format>,
    walking: Option<Walking>,
    ended: Option<Result<Proof, Stop>>,
    /// The first byte that could not be read, where there is one.
    gap: Option<u64>,
    /// The last bytes that were seen.
    tail: Vec<u8>,
}

/// Bytes at the end of a stream that say how it ends.
const TAIL: usize = 1024;

impl Judge {
    /// For the stream of `size` bytes of a file of this name, in a volume with clusters of `cluster_size` bytes.
    pub fn new(name: &str, size: u64, cluster_size: u64) -> Self {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
        Self {
            tape: Tape::of_clusters(cluster_size.max(512)),
            size,
            extension,
            head: Vec::new(),
            clusters: Clusters::new(cluster_size.max(512)),
            format: None,
            walking: None,
            ended: None,
            gap: None,
            tail: Vec::new(),
        }
    }

    /// The next bytes of the stream.
    pub fn bytes(&mut self, mut bytes: &[u8]) {
        self.remember(bytes);
        if self.ended.is_some() || self.gap.is_some() {
            return;
        }
        self.clusters.see(bytes);
        if self.walking.is_none() {
            let wanted = usize::try_from(self.size).map_or(Head::LENGTH, |size| size.min(Head::LENGTH));
            let taken = wanted.saturating_sub(self.head.len()).min(bytes.len());
            self.head.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.head.len() < wanted {
                return;
            }
            self.begin();
        }
        // What is pushed at once is held in memory until it is taken.
        for piece in bytes.chunks(tape::LONGEST_LOOK) {
            self.tape.push(piece);
            self.go_on();
        }
    }

    /// So many zeros are next.
    pub fn zeros(&mut self, mut count: u64) {
        static ZEROS: [u8; 4096] = [0; 4096];
        while count > 0 && self.ended.is_none() && self.gap.is_none() {
            if self.walking.is_some() && self.tape.pass_over(count) {
                self.clusters.pass_over(count);
                self.remember(&ZEROS[..count.min(4096) as usize]);
                return;
            }
            let now = count.min(4096);
            self.bytes(&ZEROS[..now as usize]);
            count -= now;
        }
    }

    /// The next bytes could not be read: nothing can be said of what is behind.
    pub fn gap(&mut self) {
        self.gap.get_or_insert(self.clusters.position());
    }

    fn remember(&mut self, bytes: &[u8]) {
        let kept = TAIL.saturating_sub(bytes.len()).min(self.tail.len());
        self.tail.drain(..self.tail.len() - kept);
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
    }

    fn begin(&mut self) {
        let head = Head { bytes: &self.head, extension: &self.extension, size: self.size };
        let Some(format) = detect::format(&head) else {
            self.format = detect::promised_by(&self.extension);
            self.ended = Some(Err(match self.format {
                Some(format) => Stop::Contradiction(format!("it does not begin as {} does", format.name), Fault::Here),
                None => Stop::Unknown("no format that is known".into()),
            }));
            return;
        };
        self.format = Some(format);
        self.walking = Some((format.walk)(Walk { tape: self.tape.clone(), size: self.size }));
        self.tape.push(&self.head);
        self.go_on();
    }

    fn go_on(&mut self) {
        let Some(walking) = self.walking.as_mut().filter(|_| self.ended.is_none()) else { return };
        if let Poll::Ready(ended) = walking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            self.ended = Some(ended);
        }
    }

    /// What all the bytes said.
    pub fn judgement(mut self) -> Judgement {
        if self.size == 0 {
            return self.of(ContentState::Unknown, None, "it is empty");
        }
        if self.walking.is_none() && self.gap.is_none() && self.ended.is_none() {
            self.begin();
        }
        if self.gap.is_none() {
            self.tape.end();
            self.go_on();
        }
        match (self.ended.take(), self.gap) {
            (Some(Ok(proof)), _) => self.proved(proof),
            (Some(Err(Stop::Unknown(why))), _) => self.of(ContentState::Unknown, None, &why),
            (Some(Err(Stop::Contradiction(what, fault))), _) => self.contradicted(&what, fault),
            (Some(Err(Stop::End)), None) => {
                self.contradicted("the content ends in the middle of what it says it has", Fault::SinceProof)
            }
            (_, Some(gap)) => self.of(ContentState::Unknown, None, &format!("bytes from {gap} on could not be read")),
            (None, None) => self.of(ContentState::Unknown, None, "it was not seen to its end"),
        }
    }

    fn proved(&self, proof: Proof) -> Judgement {
        let behind = self.size.saturating_sub(self.tape.position());
        let (state, what) = match proof {
            Proof::Verified(what) if behind == 0 && self.clusters.is_less_than_one(self.tape.longest_unseen()) => {
                (ContentState::Verified, what)
            }
            Proof::Verified(what) | Proof::Plausible(what) => (ContentState::Plausible, what),
        };
        let tail = if behind > 0 { format!("; {behind} bytes lie behind its end") } else { String::new() };
        self.of(state, None, &format!("{what}{tail}"))
    }

    /// Where it goes wrong: at the first cluster between what is proved and what cannot be that looks like
    /// something else, or where what is made of it turns into something new, or else as far back as the fault may lie.
    fn contradicted(&mut self, what: &str, fault: Fault) -> Judgement {
        let (proved, seen) = (self.tape.proved(), self.tape.blamed());
        // Clusters are written over from their start: one that begins with what is proved is not.
        let first = self.clusters.start_of(proved.saturating_add(self.clusters.size() - 1));
        let own = self.format.map_or("", |format| format.name);
        let alien = self.clusters.first_alien(proved, seen, own).filter(|_| !self.tape.expects_any_looks());
        let novelty = self.tape.take_novelty();
        let strange = || novelty.as_ref().and_then(|novelty| novelty.first_strange(first, seen));
        let last = self.clusters.start_of(seen.saturating_sub(1));
        let by_fault = match fault {
            Fault::Here => last,
            Fault::Within(lag) => self.clusters.start_of(seen.saturating_sub(1).saturating_sub(lag)),
            Fault::Since(offset) => self.clusters.start_of(offset),
            Fault::SinceProof => strange().map_or(first, |offset| self.clusters.nearest_start(offset)),
            Fault::Decoder => match (strange(), novelty.as_ref().and_then(|novelty| novelty.usual_up_to())) {
                (Some(offset), _) => self.clusters.nearest_start(offset),
                (None, Some(offset)) => self.clusters.start_of(offset.saturating_sub(1)),
                (None, None) => first,
            },
        };
        let is_others = detect::promised_by(&self.extension)
            .is_some_and(|named| self.format.is_none_or(|found| found.name != named.name));
        let good_until = match (&alien, fault) {
            // What promises one format and begins as another is wrong from its start.
            _ if is_others => 0,
            (Some(alien), _) => alien.offset.max(self.clusters.start_of(proved)),
            (None, Fault::Since(_)) => by_fault,
            (None, _) => by_fault.max(self.clusters.start_of(proved)),
        };
        let good_until = good_until.min(last.max(first)).min(self.size);
        let looks = alien
            .map_or_else(String::new, |alien| format!("; the cluster at {} looks like {}", alien.offset, alien.kind));
        if let Some(named) = detect::promised_by(&self.extension)
            && (seen == 0 || self.format.is_none_or(|found| found.name != named.name))
            && (named.has_end)(&self.tail)
        {
            self.format = Some(named);
            let evidence = format!("it does not begin as {} does, but ends so", named.name);
            return self.of(ContentState::Contradicted, Some(0), &evidence);
        }
        self.of(ContentState::Contradicted, Some(good_until), &format!("{what} at byte {seen}{looks}"))
    }

    fn of(&self, state: ContentState, good_until: Option<u64>, evidence: &str) -> Judgement {
        let format = self.format.map(|format| format.name);
        let differs_from_name = detect::is_other_than(self.format, &self.extension);
        Judgement { format, state, good_until, evidence: evidence.to_owned(), differs_from_name }
    }
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format = self.format.map(|format| format.name);
        formatter.debug_struct("Judge").field("size", &self.size).field("format", &format).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    const CLUSTER: usize = 4096;

    fn judge(name: &str, bytes: &[u8], piece: usize) -> Judgement {
        let mut judge = Judge::new(name, bytes.len() as u64, CLUSTER as u64);
        bytes.chunks(piece).for_each(|piece| judge.bytes(piece));
        judge.judgement()
    }

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    fn gzip() -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&noise(1, 30_000)).unwrap();
        encoder.finish().unwrap()
    }

    fn png() -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        // 300 lines of 99 grey points, each behind its filter.
        let mut points = noise(2, 30_000);
        points.iter_mut().step_by(100).for_each(|filter| *filter %= 5);
        encoder.write_all(&points).unwrap();
        let lines = encoder.finish().unwrap();
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        let mut chunk = |kind: &[u8], body: &[u8]| {
            png.extend((body.len() as u32).to_be_bytes());
            let start = png.len();
            png.extend(kind);
            png.extend(body);
            let crc = crc32fast::hash(&png[start..]);
            png.extend(crc.to_be_bytes());
        };
        chunk(b"IHDR", &[0, 0, 0, 99, 0, 0, 1, 44, 8, 0, 0, 0, 0]);
        lines.chunks(8192).for_each(|part| chunk(b"IDAT", part));
        chunk(b"IEND", b"");
        png
    }

    /// Stored members, as most of a ZIP's structure needs no more.
    fn zip() -> Vec<u8> {
        let (mut zip, mut directory) = (Vec::new(), Vec::new());
        for number in 0..6u8 {
            let (offset, body) = (zip.len() as u32, noise(number.into(), 5000));
            let mut common = [20u16, 0, 0, 0, 0].map(u16::to_le_bytes).concat();
            common.extend(crc32fast::hash(&body).to_le_bytes());
            common.extend([5000u32, 5000].map(u32::to_le_bytes).concat());
            common.extend([1u16, 0].map(u16::to_le_bytes).concat());
            zip.extend([&b"PK\x03\x04"[..], &common, &[b'a' + number], &body].concat());
            directory.extend(
                [&b"PK\x01\x02\x14\0"[..], &common, &[0; 10], &offset.to_le_bytes(), &[b'a' + number]].concat(),
            );
        }
        let start = zip.len() as u32;
        zip.extend(&directory);
        let sizes = [directory.len() as u32, start].map(u32::to_le_bytes).concat();
        zip.extend([&b"PK\x05\x06\0\0\0\0\x06\0\x06\0"[..], &sizes, &[0, 0]].concat());
        zip
    }

    fn samples() -> [(&'static str, &'static str, Vec<u8>); 3] {
        [("a.gz", "gzip", gzip()), ("a.png", "png", png()), ("a.zip", "zip", zip())]
    }

    #[test]
    fn what_is_whole_is_verified_in_pieces_of_any_length() {
        for (name, format, bytes) in samples() {
            for piece in [1, 7, 4096, 65_536] {
                let said = judge(name, &bytes, piece);
                assert_eq!(
                    (said.format, said.state),
                    (Some(format), ContentState::Verified),
                    "{name}: {}",
                    said.evidence
                );
            }
        }
    }

    #[test]
    fn every_cluster_that_is_another_contradicts_and_nothing_before_it_does() {
        for (name, _, bytes) in samples() {
            for place in (0..bytes.len()).step_by(CLUSTER) {
                let mut changed = bytes.clone();
                let end = (place + CLUSTER).min(bytes.len());
                changed[place..end].copy_from_slice(&noise(place as u64, CLUSTER)[..end - place]);
                let said = judge(name, &changed, 65_536);
                assert_eq!(said.state, ContentState::Contradicted, "{name} at {place}");
                assert!(said.good_until <= Some(place as u64), "{name} at {place}: {said:?}");
                changed[place..end].fill(0);
                let said = judge(name, &changed, 65_536);
                assert_eq!(
                    (said.state, said.good_until),
                    (ContentState::Contradicted, Some(place as u64)),
                    "{name}: {}",
                    said.evidence
                );
            }
        }
    }

    #[test]
    fn no_cut_and_no_flipped_byte_is_verified() {
        for (name, _, bytes) in samples() {
            for length in (0..bytes.len()).step_by(13) {
                let said = judge(name, &bytes[..length], 65_536);
                assert_ne!(said.state, ContentState::Verified, "{name} cut at {length}");
            }
        }
        let bytes = gzip();
        for place in (10..bytes.len()).step_by(101) {
            let mut changed = bytes.clone();
            changed[place] ^= 4;
            assert_eq!(judge("a.gz", &changed, 4096).state, ContentState::Contradicted, "{place}");
        }
    }

    #[test]
    fn bytes_of_no_format_are_unknown_and_what_could_not_be_read_is_no_fault() {
        assert_eq!(judge("a.bin", &noise(3, 9000), 4096).state, ContentState::Unknown);
        assert_eq!(judge("a.bin", &[], 4096).state, ContentState::Unknown);
        let bytes = gzip();
        let mut judge = Judge::new("a.gz", bytes.len() as u64, 4096);
        judge.bytes(&bytes[..8192]);
        judge.gap();
        judge.bytes(&bytes[12_288..]);
        assert_eq!(judge.judgement().state, ContentState::Unknown);
    }

    #[test]
    fn a_name_that_says_another_format_is_told_and_a_lost_head_too() {
        let said = judge("a.png", &zip(), 4096);
        assert!(said.differs_from_name && said.state == ContentState::Verified, "{said:?}");
        let mut headless = zip();
        headless[..CLUSTER].copy_from_slice(&noise(9, CLUSTER));
        let said = judge("a.docx", &headless, 4096);
        assert_eq!((said.state, said.good_until), (ContentState::Contradicted, Some(0)));
        assert!(said.evidence.contains("but ends so"), "{said:?}");
    }

    #[test]
    fn zeros_count_as_bytes() {
        let mut tar = vec![0; 512];
        tar[..5].copy_from_slice(b"a.txt");
        tar[124..135].copy_from_slice(b"00000200000");
        tar[257..262].copy_from_slice(b"ustar");
        tar[148..156].fill(b' ');
        let sum: u32 = tar.iter().map(|byte| u32::from(*byte)).sum();
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut judge = Judge::new("a.tar", 512 + 65_536 + 1024, 4096);
        judge.bytes(&tar);
        judge.zeros(65_536 + 1024);
        let said = judge.judgement();
        assert_eq!((said.format, said.state), (Some("tar"), ContentState::Plausible), "{said:?}");
    }
}
