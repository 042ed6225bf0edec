using System.Runtime.CompilerServices;
using Xunit;

namespace Datapath.KernelTests.Support;

/// <summary>A table of tests that need root and bpf(2); where they are missing it is skipped and says so.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelTheoryAttribute : TheoryAttribute
{
    public KernelTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = 0)
        : base(file, line)
    {
        Timeout = TestTime.Seconds * 1000;
        if (!Environment.IsPrivilegedProcess)
        {
            Skip = "needs root";
        }
    }
}
