"""Wasm modules for tests, assembled from text: plugins of the proxy-wasm ABI 0.2.1."""

from __future__ import annotations

import hashlib

import wasmtime

from xds.model.extensions import Module

_IMPORTS = """
  (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_buffer_bytes" (func $set_buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
"""
_ABI = """
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 4096))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $free))
    (global.set $free
      (i32.add (global.get $free) (i32.and (i32.add (local.get $size) (i32.const 15)) (i32.const -16))))
    (local.get $at))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
"""

TELLING = f"""(module {_IMPORTS} {_ABI}
  (data (i32.const 16) "x-config")
  (data (i32.const 32) "x-env")
  (data (i32.const 48) "x-root")
  (data (i32.const 64) "plugin_root_id")
  (global $config (mut i32) (i32.const 0))
  (global $length (mut i32) (i32.const 0))
  (func (export "proxy_on_configure") (param $root i32) (param $size i32) (result i32)
    (drop (call $buffer (i32.const 7) (i32.const 0) (local.get $size) (i32.const 256) (i32.const 260)))
    (global.set $config (i32.load (i32.const 256)))
    (global.set $length (local.get $size))
    (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $add (i32.const 0) (i32.const 16) (i32.const 8) (global.get $config) (global.get $length)))
    (drop (call $sizes (i32.const 300) (i32.const 304)))
    (if (i32.load (i32.const 300)) (then
      (drop (call $environ (i32.const 320) (i32.const 1024)))
      (drop (call $add (i32.const 0) (i32.const 32) (i32.const 5)
        (i32.load (i32.const 320)) (i32.sub (i32.load (i32.const 304)) (i32.const 1))))))
    (drop (call $property (i32.const 64) (i32.const 14) (i32.const 256) (i32.const 260)))
    (drop (call $add (i32.const 0) (i32.const 48) (i32.const 6)
      (i32.load (i32.const 256)) (i32.load (i32.const 260))))
    (i32.const 0)))
"""
"""Adds to requests what it was given: its configuration, its one variable of the environment, and its name."""

GREETING = f"""(module {_IMPORTS} {_ABI}
  (data (i32.const 16) "hello ")
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_new_connection") (param i32) (result i32) (i32.const 0))
  (func (export "proxy_on_downstream_data") (param i32 i32 i32) (result i32)
    (drop (call $set_buffer (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 16) (i32.const 6)))
    (i32.const 0)))
"""
"""Puts a word before everything that a client sends on a connection."""


def assembled(text: str, padding: int = 0) -> bytes:
    """The module of a text. padding: so many bytes more, in a section that means nothing."""
    code = bytes(wasmtime.wat2wasm(text))
    return code + _section(padding) if padding else code


def module(text: str) -> Module:
    """The same as it is known after it was fetched."""
    code = assembled(text)
    return Module(hashlib.sha256(code).hexdigest(), code)


def _section(size: int) -> bytes:
    """A custom section: its id, its length in LEB128, and a name of one letter."""
    content = b"\x01p" + bytes(size)
    return b"\x00" + _leb128(len(content)) + content


def _leb128(number: int) -> bytes:
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])
