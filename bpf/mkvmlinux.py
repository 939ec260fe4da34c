#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Reduce `bpftool btf dump file /sys/kernel/btf/vmlinux format c` (stdin) to the
types our BPF programs use and all that those need. Run by `make vmlinux`."""

import re
import sys

# Types by tag or typedef name; enumerators stand for the anonymous enum they are in.
ROOTS = """
__s8 __u8 __s16 __u16 __s32 __u32 __s64 __u64 __be16 __be32 __sum16 __wsum bool
__sk_buff xdp_md XDP_PASS bpf_fib_lookup bpf_sock bpf_sock_tuple bpf_redir_neigh bpf_map_type
ethhdr iphdr icmphdr arphdr
BPF_ANY BPF_NOEXIST BPF_F_MMAPABLE BPF_F_INGRESS BPF_F_PSEUDO_HDR BPF_F_RECOMPUTE_CSUM
BPF_F_MARK_MANGLED_0 BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 BPF_ADJ_ROOM_MAC BPF_FIB_LKUP_RET_SUCCESS BPF_FIB_LOOKUP_DIRECT
BPF_F_CURRENT_NETNS IPPROTO_TCP true
""".split()

# What a definition needs whole: tagged members that are not pointers, typedefs.
TYPE = re.compile(r"\b(?:struct|union|enum) (\w+)\b(?! \*)|(?:^\t+|^typedef )(?:const )?(\w+)", re.M)


def names(paragraph):
    """What a top-level definition defines; enumerators only for enums."""
    head = paragraph.split("{", 1)[0]
    found = re.findall(r"\b(?:struct|union|enum)\s+(\w+)", head) if "{" in paragraph else []
    if paragraph.startswith("typedef"):
        typedef = re.search(r"(\w+)(?:\[\w*\])*;$", paragraph)
        function = re.search(r"\(\*(\w+)\)", paragraph)
        found = [m.group(1) for m in (function or typedef,) if m]
    if paragraph.startswith("enum"):
        found += re.findall(r"^\t(\w+)", paragraph, re.M)
    return found


def main():
    text = sys.stdin.read()
    body = text.split("#endif\n", 1)[1].rsplit("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX", 1)[0]
    paragraphs = [p.strip() for p in re.split(r"\n\n(?=\S)", body) if p.strip()]
    where = {}
    for i, p in enumerate(paragraphs):
        for name in names(p):
            where.setdefault(name, i)

    missing = [r for r in ROOTS if r not in where]
    if missing:
        sys.exit("mkvmlinux: not in this kernel's BTF: " + " ".join(missing))
    keep, todo = set(), [where[r] for r in ROOTS]
    while todo:
        i = todo.pop()
        if i in keep:
            continue
        keep.add(i)
        if not paragraphs[i].startswith("enum"):
            needs = {name for pair in TYPE.findall(paragraphs[i]) for name in pair}
            todo += [where[n] for n in needs if n in where]

    print("/* Reduced from the kernel's BTF by bpf/mkvmlinux.py; `make vmlinux` makes it anew. */")
    print("#ifndef __VMLINUX_H__\n#define __VMLINUX_H__\n")
    print("#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute push "
          "(__attribute__((preserve_access_index)), apply_to = record)\n#endif\n")
    print("\n\n".join(paragraphs[i] for i in sorted(keep)))
    print("\n#ifndef BPF_NO_PRESERVE_ACCESS_INDEX\n#pragma clang attribute pop\n#endif\n\n#endif")


main()
