//! CRC-32C (Castagnoli), as LevelDB's blocks and the entries of a bundle carry it: masked.
//!
//! Eight tables, eight bytes a step; the polynomial 0x1EDC6F41, reflected. The mask (rotate by 15, add 0xa282ead8) keeps a sum of
//! bytes that hold sums from being weak. Source: RFC 3720, appendix B.4; LevelDB's `doc/log_format.md` for the mask.

const POLYNOMIAL: u32 = 0x82f6_3b78;
const MASK: u32 = 0xa282_ead8;

static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = (sum >> 1) ^ if sum & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// A sum over bytes that come in pieces.
#[derive(Clone, Copy, Debug)]
pub struct Crc32c(u32);

impl Default for Crc32c {
    /// Of no bytes.
    fn default() -> Crc32c {
        Crc32c(!0)
    }
}

impl Crc32c {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut sum = self.0;
        let (eights, rest) = bytes.as_chunks::<8>();
        for eight in eights {
            let [a, b, c, d, e, f, g, h] = *eight;
            let low = sum ^ u32::from_le_bytes([a, b, c, d]);
            sum = TABLES[7][(low & 0xff) as usize]
                ^ TABLES[6][(low >> 8 & 0xff) as usize]
                ^ TABLES[5][(low >> 16 & 0xff) as usize]
                ^ TABLES[4][(low >> 24) as usize]
                ^ TABLES[3][usize::from(e)]
                ^ TABLES[2][usize::from(f)]
                ^ TABLES[1][usize::from(g)]
                ^ TABLES[0][usize::from(h)];
        }
        for byte in rest {
            sum = (sum >> 8) ^ TABLES[0][((sum ^ u32::from(*byte)) & 0xff) as usize];
        }
        self.0 = sum;
    }

    /// Returns the sum, masked as it is written.
    pub fn masked(self) -> u32 {
        (!self.0).rotate_right(15).wrapping_add(MASK)
    }
}

/// Returns the masked sum of the bytes.
pub fn masked(bytes: &[u8]) -> u32 {
    let mut sum = Crc32c::default();
    sum.update(bytes);
    sum.masked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_sums_of_rfc_3720() {
        let sum = |bytes: &[u8]| masked(bytes).wrapping_sub(MASK).rotate_left(15);
        assert_eq!(sum(b"123456789"), 0xe306_9283);
        assert_eq!(sum(&[0; 32]), 0x8a91_36aa);
        assert_eq!(sum(&[0xff; 32]), 0x62a8_ab43);
        let up: Vec<u8> = (0..32).collect();
        assert_eq!(sum(&up), 0x46dd_794e);
    }

    #[test]
    fn pieces_sum_as_the_whole() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut sum = Crc32c::default();
        for piece in bytes.chunks(13) {
            sum.update(piece);
        }
        assert_eq!(sum.masked(), masked(&bytes));
    }
}
