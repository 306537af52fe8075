# Profiles of the machine. None attaches by path: a process enters one only
# where it asks for it.

# The profile for programs: they may execute anything, but not write.
profile vm_b {
  /** mrix,
}

# A confined starter: at exec it may change to vm_b, and to nothing else.
profile vm_a {
  /** mrwix,
  capability,
  signal,
  ptrace,
  change_profile -> vm_b,
}

# There, but no rule of vm_a leads to it.
profile vm_c {
  /** mrix,
}
