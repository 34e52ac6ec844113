//! Iterates over PHP arrays keyed by names, such as the socket ids of a channel's connections.

use ext_php_rs::binary::Binary;
use ext_php_rs::boxed::ZBox;
use ext_php_rs::exception::PhpResult;
use ext_php_rs::ffi::{
    HashPosition, zend_hash_get_current_data_ex, zend_hash_get_current_key_zval_ex, zend_hash_move_forward_ex,
};
use ext_php_rs::types::{ZendHashTable, Zval};

/// Returns up to `limit` keys from `position` on, as strings, and the next position, which is 0 at the end.
///
/// Does not change the reference count of any value, because PHP's garbage collector visits each object whose count was
/// decremented.
pub(super) fn page(array: &ZendHashTable, position: i64, limit: i64) -> PhpResult<(i64, ZBox<ZendHashTable>)> {
    let position = HashPosition::try_from(position).unwrap_or(HashPosition::MAX);
    let mut entries = ArrayEntries { array, position };
    let mut keys = ZendHashTable::new();
    for _ in 0..limit {
        let Some((key, _)) = entries.next() else { return Ok((0, keys)) };
        if key.is_long() { keys.push(Binary::new(bytes(&key)))? } else { keys.push(key)? }
    }
    let next = entries.position;
    Ok((entries.next().map_or(0, |_| i64::from(next)), keys))
}

/// Returns the entries of an array. Each key is a string or a number. The iterator of ext-php-rs requires keys in UTF-8.
pub(super) fn entries(array: &ZendHashTable) -> impl Iterator<Item = (Zval, &Zval)> {
    ArrayEntries { array, position: 0 }
}

/// Returns the bytes of a string, or of a number in decimal, because PHP converts keys that are decimal numbers to integers.
pub(super) fn bytes(text: &Zval) -> Vec<u8> {
    let text = text.dereference();
    match text.long() {
        Some(number) => number.to_string().into_bytes(),
        None => text.binary().unwrap_or_default(),
    }
}

/// Iterates with the Zend API, which can start at any position without walking over the entries before it.
struct ArrayEntries<'a> {
    array: &'a ZendHashTable,
    position: HashPosition,
}

impl<'a> Iterator for ArrayEntries<'a> {
    type Item = (Zval, &'a Zval);

    fn next(&mut self) -> Option<Self::Item> {
        let array = std::ptr::from_ref(self.array).cast_mut();
        let mut key = Zval::new();
        // SAFETY: The array is borrowed, and these functions only read it. They accept any position and return null after the
        // end. Otherwise the value lives as long as the borrowed array, and the key is a copy.
        let value = unsafe {
            let value = zend_hash_get_current_data_ex(array, &raw mut self.position).as_ref()?;
            zend_hash_get_current_key_zval_ex(array, &raw mut key, &raw mut self.position);
            zend_hash_move_forward_ex(array, &raw mut self.position);
            value
        };
        Some((key, value))
    }
}
