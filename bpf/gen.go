package bpf

//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -mcpu=v3 -Wall -Wextra -Werror -Wno-unused-parameter" -target bpfel,bpfeb -tags linux -type counter -type verdict -type payload -type flag -type wire -type port -type key -type connection -type output -type port_traffic Classifier classifier.bpf.c
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-variable" -target bpfel,bpfeb -tags linux -type sorted -type owner Sorter sorter.bpf.c
//go:generate go tool bpf2go -cc clang-14 -strip llvm-strip-14 -cflags "-O2 -Wall -Wextra -Werror -Wno-unused-parameter" -target bpfel,bpfeb -tags linux -type over Tunnel tunnel.bpf.c
