//! The lines of a manifest about the input.

use ntfs_salvage::salvage::{Content, Unread};

use crate::input::arguments::InputArguments;
use crate::input::identity::Identity;
use crate::input::unread::Accounting;
use crate::writing::json::Json;

/// The first line: who wrote the manifest, and of what. `container` is what is to be said of it, in JSON.
pub fn header(tool: &str, input: &InputArguments, identity: &Identity, container: &[u8], out: &mut Vec<u8>) {
    let mut json = Json { out };
    json.put(br#"{"type":"header","tool":"#).text(tool);
    json.put(br#","version":"#).text(env!("CARGO_PKG_VERSION"));
    json.put(br#","format":2,"arguments":"#);
    json.array(std::env::args_os().skip(1), |json, argument| json.text(&argument.to_string_lossy()));
    json.put(br#","input":{"path":"#).text(&input.path.display().to_string());
    json.put(br#","size":"#).number(identity.size);
    hash_or_null(identity.whole, json.put(br#","sha256":"#));
    hash_or_null(identity.first, json.put(br#","sha256_first_mib":"#));
    hash_or_null(identity.last, json.put(br#","sha256_last_mib":"#));
    json.put(br#","container":"#).out.extend_from_slice(container);
    let map = input.map.as_ref().map(|path| path.display().to_string());
    json.put(br#"},"map":"#).text_or_null(map.as_deref());
    json.put(b"}\n");
}

/// A line for each partition that was not read, and one for what lies outside of all.
pub fn unread(accounting: &Accounting, out: &mut Vec<u8>) {
    let mut json = Json { out };
    for Unread { partition, content } in &accounting.unread {
        let number = (!partition.is_whole()).then(|| partition.number());
        json.put(br#"{"type":"partition","partition":"#).number_or_null(number);
        json.put(br#","offset":"#).number(partition.start);
        json.put(br#","size":"#).number(partition.size);
        json.put(br#","partition_type":"#).text(&partition.partition_type.to_string());
        json.put(br#","content":"#).text(content.code());
        json.put(br#","description":"#).text(&content.to_string());
        let metadata = match content {
            Content::Foreign(foreign) => foreign.bit_locker.as_ref(),
            _ => None,
        };
        if let Some(metadata) = metadata {
            json.put(br#","bitlocker":{"volume":"#).text(&metadata.identifier.to_string());
            json.put(br#","method":"#).text(&metadata.method.to_string());
            json.put(br#","description":"#).text_or_null(metadata.description.as_deref());
            json.put(br#","protectors":"#).array(metadata.protectors.iter(), |json, protector| {
                json.put(br#"{"kind":"#).text(&protector.kind.to_string());
                json.put(br#","identifier":"#).text(&protector.identifier.to_string());
                json.put(b"}");
            });
            json.put(b"}");
        }
        json.put(b"}\n");
    }
    if let Some(bytes) = accounting.outside() {
        json.put(br#"{"type":"outside","bytes":"#).number(bytes);
        json.put(br#","ranges":"#).array(accounting.outside.iter(), |json, range| {
            json.put(b"[").number(range.start);
            json.put(b",").number(range.end);
            json.put(b"]");
        });
        json.put(b"}\n");
    }
}

/// A SHA-256 in hexadecimal.
pub fn write_hash(hash: [u8; 32], json: &mut Json<'_>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    json.put(b"\"");
    json.out.extend(hash.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]));
    json.put(b"\"");
}

fn hash_or_null(hash: Option<[u8; 32]>, json: &mut Json<'_>) {
    match hash {
        Some(hash) => write_hash(hash, json),
        None => json.null(),
    }
}
