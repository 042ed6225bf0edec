using System.Globalization;
using Datapath.Interop.Processes;
using Datapath.Tests.Support;
using Xunit;

namespace Datapath.Tests.Bpf;

/// <summary>
/// The shipped packet parser, compiled for the host with sanitizers, on bytes that a fuzzer makes up: it stays inside the buffer, and it reads
/// what a second, slow reader reads (<c>tests/bpf/parse_fuzz.c</c>).
/// </summary>
public sealed class ParserFuzzTests(ITestOutputHelper output)
{
    private const int LongestInput = 400;

    private static string Runs => Environment.GetEnvironmentVariable("DATAPATH_FUZZ_RUNS") ?? "2000000";

    [Fact]
    public async Task No_bytes_lead_the_parser_astray()
    {
        Assert.SkipUnless(HasFuzzer(), "clang's fuzzer runtime is not installed (Debian package libclang-rt-14-dev)");
        string work = Directory.CreateTempSubdirectory("datapath-fuzz-").FullName;
        try
        {
            string program = Path.Combine(work, "parse_fuzz");
            await CompileAsync(program);
            // New inputs go into the first folder; the seeds are only read.
            string found = Directory.CreateDirectory(Path.Combine(work, "found")).FullName;
            CommandResult result = await CommandRunner.RunAsync(
                program,
                [
                    $"-runs={Runs}",
                    string.Create(CultureInfo.InvariantCulture, $"-max_len={LongestInput}"),
                    $"-artifact_prefix={work}/",
                    found,
                    Repository.PathOf("tests", "bpf", "seeds"),
                ],
                timeout: TimeSpan.FromHours(2),
                cancellation: TestContext.Current.CancellationToken
            );
            output.WriteLine(string.Join('\n', result.StandardError.Split('\n').Where(line => line.StartsWith("Done", StringComparison.Ordinal) || line.StartsWith("INFO: Seed", StringComparison.Ordinal))));
            Assert.True(result.ExitCode == 0, result.StandardError);
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static async Task CompileAsync(string program)
    {
        string multiarch = (await CommandRunner.RunAsync("clang", ["-print-multiarch"])).StandardOutput.Trim();
        CommandResult compiled = await CommandRunner.RunAsync(
            "clang",
            [
                "-g",
                "-O1",
                "-std=gnu11",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-fsanitize=fuzzer,address,undefined",
                // Headers lie where the packet puts them: the kernel's own code reads them unaligned as well.
                "-fno-sanitize=alignment",
                "-fno-sanitize-recover=undefined",
                $"-I/usr/include/{multiarch}",
                Repository.PathOf("tests", "bpf", "parse_fuzz.c"),
                "-o",
                program,
            ],
            timeout: TimeSpan.FromMinutes(2)
        );
        Assert.True(compiled.ExitCode == 0, compiled.StandardError);
    }

    private static bool HasFuzzer() =>
        Directory.Exists("/usr/lib/llvm-14") && Directory.EnumerateFiles("/usr/lib/llvm-14", "libclang_rt.fuzzer-*.a", SearchOption.AllDirectories).Any();
}
