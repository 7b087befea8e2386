#!/bin/sh
# Writes a seccomp filter for `bwrap --seccomp`: refuses what the launcher's default filter refuses as a whole, allows the
# rest. Assembled by hand, so that the bench needs no library; see seccomp(2) and linux/filter.h.
set -eu

# One instruction of struct sock_filter, little-endian: code, jump if true, jump if false, operand.
instruction() {
    code=$1 yes=$2 no=$3 operand=$4
    bytes="$((code & 255)) $((code >> 8 & 255)) $yes $no"
    bytes="$bytes $((operand & 255)) $((operand >> 8 & 255)) $((operand >> 16 & 255)) $((operand >> 24 & 255))"
    for byte in $bytes; do printf "\\$(printf '%03o' "$byte")"; done
}

load=32 equal=21 return=6 # BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_RET|BPF_K
number=0 architecture=4   # offsets in struct seccomp_data
allow=$((0x7fff0000)) refuse=$((0x00050001)) kill=$((0x80000000))

case $(uname -m) in
    x86_64)
        audit=$((0xc000003e))
        # ptrace syslog personality pivot_root modify_ldt acct mount umount2 swapon swapoff reboot init_module delete_module
        # quotactl lookup_dcookie kexec_load add_key request_key keyctl unshare perf_event_open fanotify_init
        # name_to_handle_at open_by_handle_at setns process_vm_readv process_vm_writev kcmp finit_module bpf userfaultfd
        # io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen fsconfig fsmount memfd_secret
        calls="101 103 135 155 154 163 165 166 167 168 169 175 176 179 212 246 248 249 250 272 298 300 303 304 308 310 311 312
            313 321 323 425 426 427 428 429 430 431 432 447"
        ;;
    aarch64)
        audit=$((0xc00000b7))
        calls="117 116 92 41 89 40 39 224 225 142 105 106 60 18 104 217 218 219 97 241 262 264 265 268 270 271 272 273 280 282
            425 426 427 428 429 430 431 432 447"
        ;;
    *)
        echo "filter.sh: no table for $(uname -m)" >&2
        exit 1
        ;;
esac

# shellcheck disable=SC2086 # the list is meant to be split
set -- $calls
instruction $load 0 0 $architecture
instruction $equal 1 0 "$audit"
instruction $return 0 0 "$kill"
instruction $load 0 0 $number
left=$#
for call; do
    instruction $equal "$left" 0 "$call"
    left=$((left - 1))
done
instruction $return 0 0 "$allow"
instruction $return 0 0 "$refuse"
