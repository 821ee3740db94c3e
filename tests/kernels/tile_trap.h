// The instructions of AMX on a processor that has none, under Linux: it raises SIGILL for each, and the handler does
// with the stand-in's tiles what the instruction says. So the kernel's own machine code is tested.
#pragma once

#include "tests/kernels/tile_stand_in.h"

#if defined(__x86_64__) && defined(__linux__)
#include <signal.h>
#include <ucontext.h>

namespace quipu::kernels::test {
namespace {

// One instruction with a three-byte VEX prefix and a ModRM byte: Intel SDM, volume 2, 2.3.5 and 2.1.5.
class TileInstruction {
 public:
  explicit TileInstruction(mcontext_t& machine) : machine_(machine) {
    const auto* code = reinterpret_cast<const uint8_t*>(machine.gregs[REG_RIP]);
    QUIPU_CHECK(code[0] == 0xc4 && (code[1] & 0x1f) == 2);  // VEX, the opcodes behind 0f 38
    extend_base_ = (code[1] & 0x20) == 0 ? 8 : 0;
    extend_index_ = (code[1] & 0x40) == 0 ? 8 : 0;
    prefix_ = code[2] & 3;
    second_source_ = ~(code[2] >> 3) & 15;
    opcode_ = code[3];
    form_ = code[4] >> 6;
    field_ = code[4] >> 3 & 7;
    operand_ = code[4] & 7;
    end_ = code + 5;
    if (form_ != 3) read_address();
  }

  void run(StandInTiles& tiles) {
    constexpr unsigned kNone = 0, k66 = 1, kF3 = 2, kF2 = 3;
    const bool in_memory = form_ != 3;
    if (opcode_ == 0x49 && prefix_ == kNone && in_memory) {
      tiles.configure(*reinterpret_cast<const TileShapes*>(address_));
    } else if (opcode_ == 0x49 && prefix_ == kNone) {  // TILERELEASE
      tiles = {};
    } else if (opcode_ == 0x49 && prefix_ == kF2) {
      tiles.zero(field_);
    } else if (opcode_ == 0x4b && (prefix_ == kF2 || prefix_ == k66)) {  // TILELOADD, TILELOADDT1
      tiles.load(field_, reinterpret_cast<const void*>(address_), stride_);
    } else if (opcode_ == 0x4b && prefix_ == kF3) {
      tiles.store(field_, reinterpret_cast<void*>(address_), stride_);
    } else if (opcode_ == 0x5c && prefix_ == kF3) {
      tiles.multiply_bf16(field_, operand_, second_source_);
    } else {
      QUIPU_CHECK(!"an instruction of AMX that the kernel uses");
    }
    machine_.gregs[REG_RIP] = reinterpret_cast<greg_t>(end_);
  }

 private:
  [[nodiscard]] size_t general_register(size_t number) const {
    constexpr int kRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return static_cast<size_t>(machine_.gregs[kRegisters[number]]);
  }
  template <class Number>
  size_t read_displacement() {
    Number n;
    std::memcpy(&n, end_, sizeof n);
    end_ += sizeof n;
    return static_cast<size_t>(static_cast<int64_t>(n));
  }
  void read_address() {
    size_t base = operand_;
    if (operand_ == 4) {  // a SIB byte: base, index, scale
      const uint8_t sib = *end_++;
      base = sib & 7;
      const size_t index = (sib >> 3 & 7) + extend_index_;
      if (index != 4) stride_ = general_register(index) << (sib >> 6);
    }
    QUIPU_CHECK(form_ != 0 || base != 5);  // an address without a register
    address_ = general_register(base + extend_base_);
    if (form_ == 1) address_ += read_displacement<int8_t>();
    if (form_ == 2) address_ += read_displacement<int32_t>();
  }

  mcontext_t& machine_;
  const uint8_t* end_ = nullptr;
  size_t extend_base_, extend_index_, prefix_, second_source_, opcode_, form_, field_, operand_;
  size_t address_ = 0, stride_ = 0;
};

// While one is alive, its thread's instructions of AMX run on its tiles. Where the processor has them, it does nothing.
class TileTrap {
 public:
  static constexpr bool kThere = true;
  TileTrap() {
    tiles_ = {};
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t*, void* context) {
      TileInstruction(static_cast<ucontext_t*>(context)->uc_mcontext).run(tiles_);
    };
    sigaction(SIGILL, &action, &before_);
  }
  TileTrap(const TileTrap&) = delete;
  TileTrap& operator=(const TileTrap&) = delete;
  ~TileTrap() { sigaction(SIGILL, &before_, nullptr); }

 private:
  static inline StandInTiles tiles_;
  struct sigaction before_ {};
};

}  // namespace
}  // namespace quipu::kernels::test
#else
namespace quipu::kernels::test {
struct TileTrap {
  static constexpr bool kThere = false;
};
}  // namespace quipu::kernels::test
#endif
