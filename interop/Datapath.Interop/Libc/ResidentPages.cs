using System.Globalization;

namespace Datapath.Interop.Libc;

/// <summary>Pages of files that this process has touched.</summary>
public static unsafe class ResidentPages
{
    private const int DontNeed = 4; // MADV_DONTNEED of asm-generic/mman-common.h

    /// <summary>
    /// Takes unchanged pages of mapped files out of the memory of this process. They stay in the page cache, and come back when they are touched: what
    /// only a start needed, as most of the code, counts no longer.
    /// </summary>
    /// <remarks>
    /// Only of mappings without a page of their own (proc_pid_smaps(5), Anonymous), or shared ones, whose pages are the file's: MADV_DONTNEED would
    /// lose what was written to a private one.
    /// </remarks>
    /// <returns>How many bytes of mappings were released.</returns>
    public static long Release()
    {
        long released = 0;
        (nuint First, nuint End) mapping = default;
        bool isCandidate = false;
        foreach (string line in File.ReadAllLines("/proc/self/smaps"))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts is [var range, [_, var write, _, var sharing], _, _, _, ['/', ..], ..] && !parts[0].EndsWith(':'))
            {
                string[] ends = range.Split('-');
                mapping = (nuint.Parse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture), nuint.Parse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                isCandidate = sharing == 's' || write == '-';
            }
            else if (!parts[0].EndsWith(':'))
            {
                isCandidate = false;
            }
            else if (isCandidate && parts is ["Anonymous:", "0", ..] && LibcApi.madvise((void*)mapping.First, mapping.End - mapping.First, DontNeed) == 0)
            {
                released += (long)(mapping.End - mapping.First);
            }
        }

        return released;
    }
}
