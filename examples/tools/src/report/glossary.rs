//! What the codes mean, for one who has never seen them.

/// What a verdict means.
pub fn verdict(code: &str) -> &'static str {
    match code {
        "intact" => "proved: a live file's own clusters, bytes in a sound record, or a witness that says so",
        "likely" => "nothing speaks against it, and nothing proves it",
        "partial" => "some of it is lost or in doubt",
        "overwritten" => "nothing is left: other files have its place",
        "metadata-only" => "nothing is left of its content",
        "placeholder" => "its content was never here: a service keeps it elsewhere",
        _ => "see MANIFEST.md",
    }
}

/// What a reason or a state of bytes means.
pub fn code(code: &str) -> Option<&'static str> {
    Some(match code {
        "unreadable" => "the medium does not give these sectors, or they were not rescued so far",
        "unmapped" => "the part of the metadata that says where they lie is lost",
        "outside" => "they lie behind the end of the volume or of the image",
        "no-clusters" => "the input is a table of files alone, without their content",
        "elsewhere" => "a service keeps these bytes elsewhere",
        "undecodable" => "they cannot be decompressed",
        "claimed" => "another file that exists has these clusters",
        "contested" => "another deleted file had these clusters later",
        "contested-by-older" => "another deleted file had these clusters, but earlier",
        "overwritten" => "a file of the volume that exists now has these clusters",
        "zeroed" => "samples of these clusters are zero, as where a solid-state disk erased them",
        "blank" => "zeros stand here, and the volume has lost sectors to zeros",
        "blanked" => "the image has metadata only: zeros stand where content was",
        "doubtful" => "they come from a damaged record, and nothing proves them",
        "displaced" => "bytes are missing from the image, or too many, before these",
        "replaced" => "something else had to be used instead of what stands here",
        "contradicted" => "the content says itself that it is not right from here on",
        "free" => "the clusters of a deleted file are free: nobody is known to have used them since",
        "unchecked" => "what was used since is not known",
        "unplaced" => "where the volume lies was found, and nothing proves it",
        "unowned" => "the clusters are in use, by nobody that is known",
        "witnessed" => "its content proves itself, by its own checksums",
        "content-verified" => "its content proves itself, by its own checksums",
        "content-plausible" => "its content has the structure of its format",
        "content-format-differs" => "its content is of another format than its name says",
        "damaged-record" => "its record is damaged",
        "unknown-size" => "its size is not known",
        "listed-only" => "only an attribute list still names it",
        "live" => "a file that exists",
        _ => return None,
    })
}
