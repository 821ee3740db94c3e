# Codecs promise the same bits on every machine: no fused multiply-add of the compiler's own choosing.
set_source_files_properties(${sources} PROPERTIES COMPILE_OPTIONS "-ffp-contract=off")
