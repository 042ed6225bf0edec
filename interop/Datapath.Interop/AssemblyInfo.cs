using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

// What crosses into C is bytes and numbers, never an object that the runtime would have to translate.
[assembly: DisableRuntimeMarshalling]

// A library is looked up where the distribution installs it, never beside the executable.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
