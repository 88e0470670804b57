/* base/cpus.h: quotas of cgroups, version 1 and 2, from trees of files written here. */
#include "harness.h"
#include "base/cpus.h"
#include <prong.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[64];

static void make_root(void)
{
    (void)strcpy(root, "/tmp/prong-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void remove_root(void)
{
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
}

/* Writes root/path, with all its folders. */
static void put(const char *path, const char *text)
{
    char full[512];
    (void)snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = strchr(full + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(full, 0700);
        *slash = '/';
    }
    FILE *f = fopen(full, "we");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

START_TEST(without_any_quota_there_is_none)
{
    make_root();
    ck_assert_uint_eq(pn_quota_cpus(root, ""), UINT32_MAX);
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/\n"), UINT32_MAX);
    ck_assert_uint_eq(pn_quota_cpus("/no/such/folder", "0::/a/b\n4:cpu,cpuacct:/c\n"), UINT32_MAX);
    put("cpu.max", "max 100000\n");
    put("a/cpu.max", "max 100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/a\n"), UINT32_MAX);
    remove_root();
}
END_TEST

START_TEST(a_quota_of_version_2_is_rounded_up)
{
    make_root();
    put("job/cpu.max", "200000 100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/job\n"), 2);
    put("job/cpu.max", "200001 100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/job\n"), 3);
    put("job/cpu.max", "1000 100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/job\n"), 1);
    put("job/cpu.max", "150000 50000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/job\n"), 3);
    remove_root();
}
END_TEST

START_TEST(the_tightest_level_holds)
{
    make_root();
    put("cpu.max", "800000 100000\n");
    put("a/cpu.max", "400000 100000\n");
    put("a/b/cpu.max", "600000 100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/a/b\n"), 4);
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/a/b/c/d\n"), 4);
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/a\n"), 4);
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/other\n"), 8);
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/\n"), 8);
    put("a/b/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/a/b\n"), 1);
    remove_root();
}
END_TEST

START_TEST(a_quota_of_version_1_is_two_files)
{
    make_root();
    put("cpu,cpuacct/job/cpu.cfs_quota_us", "250000\n");
    put("cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "11:memory:/x\n4:cpu,cpuacct:/job\n1:name=systemd:/y\n"), 3);
    put("cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "4:cpu,cpuacct:/job\n"), UINT32_MAX);
    put("cpu/job/cpu.cfs_quota_us", "500000\n");
    put("cpu/job/cpu.cfs_period_us", "100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "4:cpu:/job\n"), 5);
    ck_assert_uint_eq(pn_quota_cpus(root, "4:cpuset:/job\n"), UINT32_MAX);
    remove_root();
}
END_TEST

START_TEST(both_versions_may_be_there)
{
    make_root();
    put("cpu/job/cpu.cfs_quota_us", "500000\n");
    put("cpu/job/cpu.cfs_period_us", "100000\n");
    put("unified/job/cpu.max", "300000 100000\n");
    ck_assert_uint_eq(pn_quota_cpus(root, "4:cpu:/job\n0::/job\n"), 3);
    ck_assert_uint_eq(pn_quota_cpus(root, "0::/elsewhere\n4:cpu:/job\n"), 5);
    remove_root();
}
END_TEST

START_TEST(what_cannot_be_read_is_no_quota)
{
    static const char *const texts[] = { "", "\n", "nonsense", "100000", "0 100000", "-5 100000", "100000 0", "100000 -1", "x y" };
    make_root();
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        put("job/cpu.max", texts[k]);
        ck_assert_msg(pn_quota_cpus(root, "0::/job\n") == UINT32_MAX, "\"%s\"", texts[k]);
    }
    put("job/cpu.max", "9223372036854775807 1\n");
    ck_assert_uint_ge(pn_quota_cpus(root, "0::/job\n"), UINT32_MAX - 1);
    ck_assert_uint_eq(pn_quota_cpus(root, "no colons at all\n0\n0:\n::::\n"), UINT32_MAX);
    remove_root();
}
END_TEST

START_TEST(the_affinity_mask_is_counted)
{
    cpu_set_t one;
    ck_assert_uint_ge(pn_affinity_cpus(), 1);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(pn_affinity_cpus(), 1);
    ck_assert_uint_eq(prong_cpus(), 1);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(without_any_quota_there_is_none);
    add_case(a_quota_of_version_2_is_rounded_up);
    add_case(the_tightest_level_holds);
    add_case(a_quota_of_version_1_is_two_files);
    add_case(both_versions_may_be_there);
    add_case(what_cannot_be_read_is_no_quota);
    add_case(the_affinity_mask_is_counted);
    return run_cases(argc, argv);
}
