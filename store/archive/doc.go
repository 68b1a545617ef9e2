// Package archive is the container of a backup: one object with a body, a manifest that says what the body is, and a
// trailer by which both are found and checked.
//
//	magic line   "rowlock archive 1\n"
//	body         the plain bytes, compressed with zstd, then, if there are recipients, encrypted with age
//	manifest     JSON (Manifest), with the sizes and SHA-256 digests of the body as it lies here and of the plain bytes
//	trailer      148 bytes of fixed places: length and SHA-256 of the manifest, the public key and the Ed25519 signature
//	             of magic line and manifest (zeros without a key), a CRC-32C of the trailer, "RLKTRAIL"
//
// The container is written as a stream, so that nothing has to be known before the body ends, and read from its end. Each
// byte is covered: what is before the body and behind it has one possible form, the manifest and the trailer have their
// digests, and the body has its own in the manifest. So an object that was cut short, changed or not finished is refused,
// with the reason; one that was changed by somebody who made the digests right again is refused where the reader knows
// the key that it must be signed by.
//
// The manifest isn't encrypted: sizes, counts, times and digests can be read by whoever can read the object.
package archive
