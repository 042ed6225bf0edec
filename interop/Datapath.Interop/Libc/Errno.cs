using System.Collections.Frozen;
using System.Runtime.InteropServices;

namespace Datapath.Interop.Libc;

/// <summary>The kernel's error numbers, their symbols and their texts.</summary>
/// <remarks>Numbers: asm-generic/errno-base.h and errno.h, which x86-64 and arm64 share; 524 is kernel internal and leaks out of bpf(2).</remarks>
public static class Errno
{
    /// <summary>EPERM: not allowed.</summary>
    public const int NotPermitted = 1;

    /// <summary>ENOENT: no such entry.</summary>
    public const int NoEntry = 2;

    /// <summary>EINTR: a signal came first.</summary>
    public const int Interrupted = 4;

    /// <summary>E2BIG: too many, or a structure with bytes that this kernel does not know.</summary>
    public const int TooBig = 7;

    /// <summary>EAGAIN: not now.</summary>
    public const int TryAgain = 11;

    /// <summary>ENOMEM: no memory.</summary>
    public const int NoMemory = 12;

    /// <summary>EACCES: refused, also by the verifier.</summary>
    public const int AccessDenied = 13;

    /// <summary>EBUSY: somebody else has it.</summary>
    public const int Busy = 16;

    /// <summary>EEXIST: already there.</summary>
    public const int Exists = 17;

    /// <summary>ENODEV: no such device.</summary>
    public const int NoDevice = 19;

    /// <summary>EINVAL: an argument this kernel does not accept.</summary>
    public const int Invalid = 22;

    /// <summary>ENOSPC: no room, also in a log buffer.</summary>
    public const int NoSpace = 28;

    /// <summary>ENOSYS: no such system call.</summary>
    public const int NoSystemCall = 38;

    /// <summary>ENOLINK: what the link was attached to is gone.</summary>
    public const int NoLink = 67;

    /// <summary>EOPNOTSUPP: the kernel has no such operation.</summary>
    public const int NotSupported = 95;

    /// <summary>ENOBUFS: the kernel had to drop messages that nobody read.</summary>
    public const int NoBuffers = 105;

    /// <summary>ENOTSUPP: the same, in the number that the kernel uses inside and bpf(2) lets out.</summary>
    public const int NotSupportedInsideKernel = 524;

    private static readonly FrozenDictionary<int, string> Symbols = new Dictionary<int, string>
    {
        [1] = "EPERM",
        [2] = "ENOENT",
        [3] = "ESRCH",
        [4] = "EINTR",
        [5] = "EIO",
        [6] = "ENXIO",
        [7] = "E2BIG",
        [8] = "ENOEXEC",
        [9] = "EBADF",
        [10] = "ECHILD",
        [11] = "EAGAIN",
        [12] = "ENOMEM",
        [13] = "EACCES",
        [14] = "EFAULT",
        [15] = "ENOTBLK",
        [16] = "EBUSY",
        [17] = "EEXIST",
        [18] = "EXDEV",
        [19] = "ENODEV",
        [20] = "ENOTDIR",
        [21] = "EISDIR",
        [22] = "EINVAL",
        [23] = "ENFILE",
        [24] = "EMFILE",
        [25] = "ENOTTY",
        [26] = "ETXTBSY",
        [27] = "EFBIG",
        [28] = "ENOSPC",
        [29] = "ESPIPE",
        [30] = "EROFS",
        [31] = "EMLINK",
        [32] = "EPIPE",
        [33] = "EDOM",
        [34] = "ERANGE",
        [35] = "EDEADLK",
        [36] = "ENAMETOOLONG",
        [37] = "ENOLCK",
        [38] = "ENOSYS",
        [39] = "ENOTEMPTY",
        [40] = "ELOOP",
        [42] = "ENOMSG",
        [43] = "EIDRM",
        [44] = "ECHRNG",
        [45] = "EL2NSYNC",
        [46] = "EL3HLT",
        [47] = "EL3RST",
        [48] = "ELNRNG",
        [49] = "EUNATCH",
        [50] = "ENOCSI",
        [51] = "EL2HLT",
        [52] = "EBADE",
        [53] = "EBADR",
        [54] = "EXFULL",
        [55] = "ENOANO",
        [56] = "EBADRQC",
        [57] = "EBADSLT",
        [59] = "EBFONT",
        [60] = "ENOSTR",
        [61] = "ENODATA",
        [62] = "ETIME",
        [63] = "ENOSR",
        [64] = "ENONET",
        [65] = "ENOPKG",
        [66] = "EREMOTE",
        [67] = "ENOLINK",
        [68] = "EADV",
        [69] = "ESRMNT",
        [70] = "ECOMM",
        [71] = "EPROTO",
        [72] = "EMULTIHOP",
        [73] = "EDOTDOT",
        [74] = "EBADMSG",
        [75] = "EOVERFLOW",
        [76] = "ENOTUNIQ",
        [77] = "EBADFD",
        [78] = "EREMCHG",
        [79] = "ELIBACC",
        [80] = "ELIBBAD",
        [81] = "ELIBSCN",
        [82] = "ELIBMAX",
        [83] = "ELIBEXEC",
        [84] = "EILSEQ",
        [85] = "ERESTART",
        [86] = "ESTRPIPE",
        [87] = "EUSERS",
        [88] = "ENOTSOCK",
        [89] = "EDESTADDRREQ",
        [90] = "EMSGSIZE",
        [91] = "EPROTOTYPE",
        [92] = "ENOPROTOOPT",
        [93] = "EPROTONOSUPPORT",
        [94] = "ESOCKTNOSUPPORT",
        [95] = "EOPNOTSUPP",
        [96] = "EPFNOSUPPORT",
        [97] = "EAFNOSUPPORT",
        [98] = "EADDRINUSE",
        [99] = "EADDRNOTAVAIL",
        [100] = "ENETDOWN",
        [101] = "ENETUNREACH",
        [102] = "ENETRESET",
        [103] = "ECONNABORTED",
        [104] = "ECONNRESET",
        [105] = "ENOBUFS",
        [106] = "EISCONN",
        [107] = "ENOTCONN",
        [108] = "ESHUTDOWN",
        [109] = "ETOOMANYREFS",
        [110] = "ETIMEDOUT",
        [111] = "ECONNREFUSED",
        [112] = "EHOSTDOWN",
        [113] = "EHOSTUNREACH",
        [114] = "EALREADY",
        [115] = "EINPROGRESS",
        [116] = "ESTALE",
        [117] = "EUCLEAN",
        [118] = "ENOTNAM",
        [119] = "ENAVAIL",
        [120] = "EISNAM",
        [121] = "EREMOTEIO",
        [122] = "EDQUOT",
        [123] = "ENOMEDIUM",
        [124] = "EMEDIUMTYPE",
        [125] = "ECANCELED",
        [126] = "ENOKEY",
        [127] = "EKEYEXPIRED",
        [128] = "EKEYREVOKED",
        [129] = "EKEYREJECTED",
        [130] = "EOWNERDEAD",
        [131] = "ENOTRECOVERABLE",
        [132] = "ERFKILL",
        [133] = "EHWPOISON",
        [NotSupportedInsideKernel] = "ENOTSUPP",
    }.ToFrozenDictionary();

    /// <summary>The symbol of an error number, <c>ENOENT</c> for 2; the number itself where there is none.</summary>
    /// <param name="errno">Positive.</param>
    public static string Symbol(int errno) => Symbols.GetValueOrDefault(errno) ?? errno.ToString();

    /// <summary>What the C library says about an error number.</summary>
    /// <param name="errno">Positive.</param>
    public static string Text(int errno) =>
        errno == NotSupportedInsideKernel ? "Operation not supported by this kernel" : Marshal.GetPInvokeErrorMessage(errno);
}
